"""Time as a parameter: the one module that reads the wall clock, and a clock for tests that moves only when told."""

import asyncio
import heapq
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SETTLING_TURNS = 25


def from_ms(time_ms: int) -> datetime:
    """Return the aware UTC datetime of epoch milliseconds, exactly (floats would round)."""
    return _EPOCH + timedelta(milliseconds=time_ms)


def to_ms(at: datetime) -> int:
    """Return the epoch milliseconds of an aware datetime, rounded to the nearest."""
    return round((at - _EPOCH) / timedelta(milliseconds=1))


class Clock(Protocol):
    """What a service may ask of time."""

    def now_ms(self) -> int:
        """Return the wall clock, UTC epoch milliseconds; it may jump."""
        ...

    def now(self) -> datetime:
        """Return the wall clock as an aware UTC datetime."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds from an arbitrary start that never jump nor go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait on the monotonic clock."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def now(self) -> datetime:
        return from_ms(self.now_ms())

    def monotonic_s(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until a test moves it.

    Args:
        start_ms: Wall clock at the start, UTC epoch milliseconds; 2024-01-01T00:00:00Z unless told.
    """

    def __init__(self, start_ms: int = 1_704_067_200_000) -> None:
        self._wall_ms = start_ms
        self._elapsed_ms = 0
        self._order = count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        return self._wall_ms

    def now(self) -> datetime:
        return from_ms(self._wall_ms)

    def monotonic_s(self) -> float:
        return self._elapsed_ms / 1000

    @property
    def sleepers(self) -> int:
        """How many tasks are asleep on this clock."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed_ms + round(seconds * 1000), next(self._order), woken))
        await woken

    def jump(self, seconds: float) -> None:
        """Step the wall clock alone, as NTP or a person does: nobody wakes."""
        self._wall_ms += round(seconds * 1000)

    def advance(self, seconds: float) -> None:
        """Move both clocks at once and release every sleeper that is due, earliest first.

        A released task runs when the event loop turns next, and then sees the *end* of the step. Where a task sleeps
        again and again within the step, use `run_for`.
        """
        self._move_to(self._elapsed_ms + round(seconds * 1000))

    async def run_for(self, seconds: float) -> None:
        """Move from one sleeper's deadline to the next, letting the woken tasks run at exactly that time."""
        end_ms = self._elapsed_ms + round(seconds * 1000)
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end_ms:
            self._move_to(max(self._sleepers[0][0], self._elapsed_ms))
            await self.settle()
        self._move_to(end_ms)
        await self.settle()

    async def settle(self) -> None:
        """Let every task that can go on without time or I/O do so."""
        for _ in range(_SETTLING_TURNS):
            await asyncio.sleep(0)

    def _move_to(self, elapsed_ms: int) -> None:
        self._wall_ms += elapsed_ms - self._elapsed_ms
        self._elapsed_ms = elapsed_ms
        while self._sleepers and self._sleepers[0][0] <= elapsed_ms:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
