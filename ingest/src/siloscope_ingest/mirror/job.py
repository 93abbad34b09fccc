"""The job that mirrors: passes over what has settled, hours that were touched later, and what was set aside.

Nothing is noted as sent before the endpoint has taken it, and a point that is sent twice is the same point: at least
once, and no more than once to be seen.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice

from siloscope_ingest.jobs.job import Connection
from siloscope_ingest.mirror.endpoint import Endpoint, EndpointAway, PointsRefused
from siloscope_ingest.mirror.metrics import MirrorMetrics
from siloscope_ingest.mirror.points import Heads
from siloscope_process.clock import Clock
from siloscope_store import mirror
from siloscope_store.mirror import Mark, Position, RefusedLine, Sample

SAMPLES_A_PAGE = 2_000
HOURS_A_RUN = 200
LONGEST_PASS = timedelta(hours=6)
MOST_SET_ASIDE = 1_000_000
"""Beyond so many refused points it is not the points: the mirror waits, rather than fill the database with them."""

MOST_OUTSIDE = 10_000
"""Points that the bucket is too young for are only counted where so many points are set aside."""

_BUDGET_S = 10.0
Line = tuple[int, str]


class MirrorJob:
    """Mirrors.

    Args:
        endpoint: Takes the points.
        clock: For the length of a run, for pauses that the endpoint asks for, and for the lag.
        metrics: Told what was done.
        since: Samples before this are not mirrored, unless they are written later; None = from the first run on.
        points: Most points of a request.
        again: Send once more what was set aside.
    """

    name = "mirror"
    every_s = 5.0

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        metrics: MirrorMetrics,
        *,
        since: datetime | None = None,
        points: int = 5_000,
        again: bool = False,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._metrics = metrics
        self._since = since
        self._points = points
        self._again_after = 0 if again else None
        self._aside = 0

    async def run(self, connection: Connection) -> bool:
        """Work for some seconds; return whether more waits."""
        settled = await mirror.settled_to(connection)
        if settled is None:
            return False
        until_s = self._clock.monotonic_s() + _BUDGET_S
        self._aside = await mirror.count_refused(connection, MOST_SET_ASIDE)
        busy = True
        try:
            while busy and self._clock.monotonic_s() < until_s:
                at = await mirror.position(connection, self._since or settled)
                busy = await self._pass(connection, at, settled)
                busy = await self._touched(connection, at) or busy
                busy = await self._set_aside_before(connection) or busy
        except EndpointAway as error:
            await self._clock.sleep(error.pause_s)
            raise
        finally:
            await self._measure(connection, settled)
        return busy

    async def _pass(self, connection: Connection, at: Position, settled: datetime) -> bool:
        """Send one page of the open pass; open one where there is none."""
        if at.pass_to is None:
            if settled <= at.done_to:
                return False
            await mirror.open_pass(connection, min(settled, at.done_to + LONGEST_PASS))
            return True
        page = await mirror.samples(connection, at, SAMPLES_A_PAGE)
        if page:
            await self._send(connection, page)
            await mirror.advance(connection, page[-1].group_id, page[-1].time)
        if len(page) < SAMPLES_A_PAGE:
            await mirror.close_pass(connection)
        return True

    async def _touched(self, connection: Connection, at: Position) -> bool:
        """Send the hours again into which something was written later."""
        marks = await mirror.marks(connection, HOURS_A_RUN)
        for mark in marks:
            if mark.bucket < (at.pass_to or at.done_to):  # a later one is still to come in a pass
                await self._hour(connection, mark)
            await mirror.drop_marks(connection, mark.mark_ids)
        return bool(marks)

    async def _hour(self, connection: Connection, mark: Mark) -> None:
        """Send an hour page by page: of a fast and wide group it is millions of points."""
        after: datetime | None = None
        while page := await mirror.hour(connection, mark, after, SAMPLES_A_PAGE):
            await self._send(connection, page)
            if len(page) < SAMPLES_A_PAGE:
                return
            after = page[-1].time

    async def _set_aside_before(self, connection: Connection) -> bool:
        """Send what was set aside once more, where that was asked for."""
        if self._again_after is None:
            return False
        found = await mirror.refused(connection, self._again_after, self._points)
        for each in found:
            await self._one_again(connection, each)
        self._again_after = found[-1].refused_id if found else None
        return bool(found)

    async def _one_again(self, connection: Connection, each: RefusedLine) -> None:
        try:
            await self._endpoint.write(each.line.encode())
        except PointsRefused:
            return
        self._metrics.points.inc()
        await mirror.drop_refused(connection, [each.refused_id])

    async def _send(self, connection: Connection, samples: Sequence[Sample]) -> None:
        heads = Heads(await mirror.channels(connection, sorted({each.group_id for each in samples})))
        lines = heads.lines(samples)
        while some := list(islice(lines, self._points)):
            await self._write(connection, some)

    async def _write(self, connection: Connection, lines: Sequence[Line]) -> bool:
        """Hand over lines; what is refused is halved until the bad points stand alone, and those are set aside.

        Returns:
            Whether some of them are older than the bucket keeps anything.
        """
        try:
            await self._endpoint.write("\n".join(line for _, line in lines).encode())
        except PointsRefused as refusal:
            if len(lines) == 1 or refusal.dropped == len(lines):
                await self._set_aside(connection, lines, refusal)
                return refusal.outside
            if refusal.outside:
                return await self._write_newer(connection, sorted(lines, key=_time_of), refusal)
            middle = len(lines) // 2
            halves = [await self._write(connection, half) for half in (lines[:middle], lines[middle:])]
            return any(halves)
        self._metrics.points.inc(len(lines))
        return False

    async def _write_newer(self, connection: Connection, lines: Sequence[Line], refusal: PointsRefused) -> bool:
        """Look from the newest on where the bucket's retention ends: all that is older need not be asked for."""
        middle = len(lines) // 2
        if not await self._write(connection, lines[middle:]):
            return await self._write(connection, lines[:middle])
        await self._set_aside(connection, lines[:middle], refusal)
        return True

    async def _set_aside(self, connection: Connection, lines: Sequence[Line], refusal: PointsRefused) -> None:
        for line in lines:
            if refusal.outside and self._aside >= MOST_OUTSIDE:
                self._metrics.refused.inc()  # nobody can have them taken: they hold up nothing
            else:
                await self._set_one_aside(connection, line, refusal)

    async def _set_one_aside(self, connection: Connection, line: Line, refusal: PointsRefused) -> None:
        if self._aside >= MOST_SET_ASIDE:
            what = "mend what it refuses, then DELETE FROM mirror_refused, or use --again"
            raise EndpointAway(f"the mirror's endpoint refused {MOST_SET_ASIDE} points, all kept; {what}: {refusal}")
        await mirror.set_aside(connection, *line, str(refusal))
        self._aside += 1
        self._metrics.refused.inc()

    async def _measure(self, connection: Connection, settled: datetime) -> None:
        if connection.closed:
            return
        at = await mirror.position(connection, self._since or settled)
        self._metrics.lag_s.set((self._clock.now() - at.done_to).total_seconds())
        self._metrics.touched.set(await mirror.count_marks(connection))
        self._metrics.set_aside.set(await mirror.count_refused(connection, MOST_SET_ASIDE))


def _time_of(line: Line) -> int:
    return int(line[1].rpartition(" ")[2])
