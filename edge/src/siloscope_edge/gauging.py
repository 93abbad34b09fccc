"""Gauging: what is looked at from time to time, for metrics and vitals alike."""

from typing import NamedTuple

from siloscope_contract.births import ClockState, EpochSpan
from siloscope_edge.clock_guard import ClockGuard
from siloscope_edge.keeper import Keeper
from siloscope_edge.machine import Machine
from siloscope_edge.machine_clocks import kernel_offset_s
from siloscope_edge.metrics import Metrics
from siloscope_process.clock import Clock

_LOOK_EVERY_S = 2.0
_LOOKS_PER_GAUGING = 5


class Gauges(NamedTuple):
    """What was found last.

    Attributes:
        spool_bytes: Of the spool's file in use.
        spool_share: How much of the file's bound is taken by what is not known to be committed.
        oldest_s: Age of the oldest sample that is not; 0 where nothing waits.
        clock_offset_s: How far the wall clock is believed to be off; None while nothing is known.
    """

    spool_bytes: int = 0
    spool_share: float = 0.0
    oldest_s: float = 0.0
    clock_offset_s: float | None = None


class Gauging:
    """Looks from time to time.

    Args:
        keeper: The spool's owner.
        max_bytes: Bound of the spool's file.
        guard: The clock.
        machine: Its supply is looked at.
        clock: Tells when.
        metrics: Told what was found.
    """

    def __init__(
        self, keeper: Keeper, max_bytes: int, guard: ClockGuard, machine: Machine, clock: Clock, metrics: Metrics
    ) -> None:
        self._keeper = keeper
        self._max_bytes = max_bytes
        self._guard = guard
        self._machine = machine
        self._clock = clock
        self._metrics = metrics

    async def run(self) -> None:
        """Look until cancelled.

        Raises:
            SpoolUnusable: The spool's file is damaged.
        """
        while True:
            self.tell(await self.look())
            for _ in range(_LOOKS_PER_GAUGING):
                self._machine.note_supply()
                await self._clock.sleep(_LOOK_EVERY_S)

    async def look(self) -> Gauges:
        """Return what is found now."""
        used = await self._keeper.used_bytes()
        owed, _ = await self._keeper.owed()
        spans = await self._keeper.spans()
        share = owed_share(used, len(owed), spans, self._max_bytes)
        offset_s = self._guard.offset_s
        if offset_s is not None and self._guard.state is ClockState.SYNCHRONISED:
            offset_s += kernel_offset_s() or 0.0
        return Gauges(used, share, self._oldest_s(spans), offset_s)

    def tell(self, found: Gauges) -> None:
        """Put it into the metrics."""
        self._metrics.spool_bytes.set(found.spool_bytes)
        self._metrics.spool_share.set(found.spool_share)
        self._metrics.spool_oldest_s.set(found.oldest_s)
        unknown = found.clock_offset_s is None
        self._metrics.clock_offset_s.set(float("nan") if unknown else found.clock_offset_s or 0.0)

    def _oldest_s(self, spans: list[EpochSpan]) -> float:
        oldest = [span.owed_from_ms for span in spans if span.owed_from_ms is not None]
        return max(0.0, (self._guard.instant_ms() - min(oldest)) / 1000) if oldest else 0.0


def owed_share(used_bytes: int, owed_packs: int, spans: list[EpochSpan], max_bytes: int) -> float:
    """Return the share of a spool's bound that is taken by packs which are not known to be committed.

    Those that are committed stay for days and make room whenever it is wanted, so they do not count. Packs are taken to
    be alike in size.
    """
    packs = sum(span.next - span.lowest for span in spans)
    return min(1.0, used_bytes * owed_packs / packs / max_bytes) if packs else 0.0
