"""Errands: what others want of a bus, done by its one owner between two of its polls."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from siloscope_edge.errors import PortUnavailable
from siloscope_process.clock import Clock

T = TypeVar("T")


class Errands:
    """What waits for the owner of a bus.

    Args:
        clock: Paces the owner's naps.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: deque[tuple[Callable[[], Awaitable[Any]], asyncio.Future[Any]]] = deque()
        self._napper: asyncio.Task[Any] | None = None
        self._woken = False
        self._closed = False

    async def do(self, work: Callable[[], Awaitable[T]], within_s: float) -> T:
        """Have the owner do something as soon as its poll under way is over, and return what came of it.

        Args:
            work: It alone has the port meanwhile; it may close it, and the owner opens it again.
            within_s: How long it may take, from now on; what it began is then broken off.

        Raises:
            TimeoutError: It took longer.
            PortUnavailable: The bus has no owner any more.
            Exception: Whatever ``work`` raised.
        """
        if self._closed:
            raise PortUnavailable("the bus is not read any more")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, done))
        if self._napper is not None and not self._woken:
            self._woken = True
            self._napper.cancel()
        async with asyncio.timeout(within_s):
            return await done

    async def nap(self, seconds: float) -> None:
        """Sleep, on behalf of the owner, until then or until there is something to do."""
        if self._waiting:
            return
        napper = self._napper = asyncio.current_task()
        assert napper is not None, "an owner is a task"
        try:
            await self._clock.sleep(seconds)
        except asyncio.CancelledError:
            if not self._woken or napper.uncancel():  # somebody else cancelled it too
                raise
        finally:
            self._napper, self._woken = None, False

    async def serve(self) -> bool:
        """Do one errand, on behalf of the owner, and return whether there was one."""
        while self._waiting:
            work, done = self._waiting.popleft()
            if not done.done():
                await _served(work, done)
                return True
        return False

    def close(self) -> None:
        """Refuse what waits and whatever comes."""
        self._closed = True
        while self._waiting:
            _, done = self._waiting.popleft()
            if not done.done():
                done.set_exception(PortUnavailable("the bus is not read any more"))


async def _served(work: Callable[[], Awaitable[T]], done: asyncio.Future[T]) -> None:
    working = asyncio.ensure_future(work())
    done.add_done_callback(lambda _: working.cancel())
    try:
        await asyncio.wait([working])
    except asyncio.CancelledError:
        working.cancel()
        if not done.done():
            done.set_exception(PortUnavailable("the bus is not read any more"))
        raise
    if done.done():  # given up meanwhile
        return
    if working.cancelled():
        done.set_exception(PortUnavailable("the errand was broken off"))
    elif (error := working.exception()) is not None:
        done.set_exception(error)
    else:
        done.set_result(working.result())
