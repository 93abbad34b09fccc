"""The job that rolls samples up: closes buckets, computes them, and repairs what late samples touched."""

from collections.abc import Iterator
from datetime import timedelta

from siloscope_ingest.jobs.job import Connection
from siloscope_ingest.jobs.metrics import JobMetrics
from siloscope_process.clock import Clock
from siloscope_store.rollups import computing, progress, repairing

_BUDGET_S = 10.0
_LENGTH = {"m5": timedelta(minutes=5), "hour": timedelta(hours=1)}
_LONGEST_DAY = timedelta(hours=25)


class Rollups:
    """Rolls up.

    Args:
        grace_s: How long after its end a bucket stays open.
        clock: For the length of a run and for the lag.
        metrics: Told how far behind each level is.
    """

    name = "rollups"
    every_s = 5.0

    def __init__(self, grace_s: float, clock: Clock, metrics: JobMetrics) -> None:
        self._grace_s = grace_s
        self._clock = clock
        self._metrics = metrics
        self._closing = progress.Closing(grace_s)
        self._done: list[progress.Progress] = []
        metrics.rollup_lags.by_level = self._lags

    async def run(self, connection: Connection) -> bool:
        """Work for some seconds; return whether more waits."""
        await computing.prepare(connection)
        until_s = self._clock.monotonic_s() + _BUDGET_S
        await self._closing.step(connection)
        busy = True
        while busy and self._clock.monotonic_s() < until_s:
            busy = await self._work(connection)
        await self._measure(connection)
        return busy

    async def _work(self, connection: Connection) -> bool:
        """Do one window, some touched hours, and some days of a rebuilt site; return whether anything was to do."""
        now = await progress.horizon(connection)
        window = None if now is None else await progress.open_windows(connection, now.settled_to)
        if window is not None:
            while not await progress.compute_slice(connection, window):
                pass
        repaired = await repairing.repair_touched(connection)
        marked = repaired == 0 and await repairing.mark_groups(connection)
        rebuilt = await repairing.rebuild_days(connection)
        return window is not None or repaired > 0 or marked or rebuilt

    async def _measure(self, connection: Connection) -> None:
        self._done = await progress.progress(connection)
        self._metrics.touched.set(await repairing.touched(connection))

    def _lags(self) -> Iterator[tuple[str, float]]:
        """Yield how much of what has closed is not computed yet: about nothing where the job keeps up."""
        if self.name in self._metrics.standing_by:
            return
        closed_to = self._clock.now() - timedelta(seconds=self._grace_s)
        hours_to = closed_to
        for each in self._done:
            if each.level == "day":
                # A day's end is known by its zone; none is longer than 25 hours.
                lag, level = hours_to - each.done_to - _LONGEST_DAY, f"day {each.zone}"
            else:
                lag, level = closed_to - each.done_to - _LENGTH[each.level], each.level
                hours_to = each.done_to
            yield level, max(0.0, lag.total_seconds())
