"""The parts of the running agent that the page looks at. It only looks."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import Counter

from siloscope_edge import vitals
from siloscope_edge.clock_guard import ClockGuard
from siloscope_edge.config import VITALS_DEVICE
from siloscope_edge.installation import Installation
from siloscope_edge.keeper import Keeper
from siloscope_edge.machine import THIS_MACHINE
from siloscope_edge.metrics import Metrics
from siloscope_edge.outbox import Outbox
from siloscope_edge.page.board import Board
from siloscope_edge.profiles import Channel
from siloscope_edge.sender import Sender
from siloscope_process.clock import Clock
from siloscope_process.operations import Health

_SPOOL_ASKED_EVERY_S = 5.0
_SPOOL_ANSWERS_WITHIN_S = 1.0


@dataclass(frozen=True)
class SpoolState:
    """What the spool's thread said last.

    Attributes:
        used_bytes: Of its file.
        oldest_ms: Date of the oldest sample that has one and is not known to be committed.
    """

    used_bytes: int | None = None
    oldest_ms: int | None = None


class Station:
    """A running agent.

    Args:
        installation: Tells what is read now.
        board: What was seen.
        clock: Tells when.
        guard: Tells how readings are dated.
        keeper: The spool's owner.
        outbox: What is owed.
        sender: The link.
        metrics: What was lost.
        health: What ails it.
    """

    def __init__(
        self,
        installation: Callable[[], Installation],
        board: Board,
        clock: Clock,
        guard: ClockGuard,
        keeper: Keeper,
        outbox: Outbox,
        sender: Sender,
        metrics: Metrics,
        health: Health,
    ) -> None:
        self.installation = installation
        self.board = board
        self.clock = clock
        self.guard = guard
        self.keeper = keeper
        self.outbox = outbox
        self.sender = sender
        self.metrics = metrics
        self.health = health
        self._spool = SpoolState()
        self._spool_asked_s: float | None = None

    def channels(self) -> Mapping[str, Sequence[Channel]]:
        """Return the channels of each device that is read now, the agent itself last."""
        found: dict[str, Sequence[Channel]] = {
            each.name: each.profile.channels
            for instruments in self.installation().instruments.values()
            for each in instruments
        }
        if self.installation().config.vitals_period_s:
            found[VITALS_DEVICE] = vitals.channels(THIS_MACHINE)
        return found

    def ailment(self, check: str) -> str | None:
        """Return what ails a part of the agent; None: nothing."""
        checks = self.health.report()["checks"]
        assert isinstance(checks, dict), "a report has its checks by name"
        found = checks.get(check, {"ok": True})
        return None if found["ok"] else str(found["detail"])

    async def spool(self) -> SpoolState:
        """Return how full the spool is; what it said before, while its disk holds it up."""
        now_s = self.clock.monotonic_s()
        if self._spool_asked_s is None or now_s - self._spool_asked_s >= _SPOOL_ASKED_EVERY_S:
            self._spool_asked_s = now_s
            try:
                async with asyncio.timeout(_SPOOL_ANSWERS_WITHIN_S):
                    used, spans = await self.keeper.used_bytes(), await self.keeper.spans()
            except TimeoutError:
                return self._spool
            oldest = [span.owed_from_ms for span in spans if span.owed_from_ms is not None]
            self._spool = SpoolState(used, min(oldest, default=None))
        return self._spool


def count_of(counter: Counter) -> int:
    """Return how far a counter without labels has counted."""
    return int(next(sample.value for each in counter.collect() for sample in each.samples))
