"""What a channel measured over time, in as many points as a chart can show, at the cost of the points, not of the span.

Readings come as they are where they fit. Longer spans come from roll-ups of five minutes, hours or local days; what has
not closed yet comes from finer ones and from readings. Buckets of roll-ups are whole ones: those at the edges of the
window reach over it.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import starmap
from typing import Any, Literal, NamedTuple

import msgspec
from psycopg import AsyncConnection, sql

from siloscope_contract.quality import FIRST_BAD, FIRST_UNCERTAIN
from siloscope_contract.quantities import QUANTITIES
from siloscope_store.places import is_circular
from siloscope_store.series_points import Bucket, SeriesPoint, points
from siloscope_store.series_strides import EPOCH, stride_of
from siloscope_store.statements import statements

__all__ = ["Series", "SeriesPoint", "channel_series"]

_SQL = statements("series.sql")
SAMPLE_TABLES = {"measurements": sql.Identifier("sample"), "vitals": sql.Identifier("sample_vitals")}
MOST_READINGS = 6_000
"""As many readings, or roll-ups, one chart looks at; a finer level would mean more."""

_SHORT = timedelta(hours=6)
_MOST_OF_SHORT = 50_000
"""Who looks at hours wants to see what his fastest channels did."""

Level = Literal["raw", "m5", "hour", "day"]
_FIVE_MINUTES, _HOURS, _DAYS = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)
_RELATION: dict[Level, sql.Identifier] = {"m5": sql.Identifier("rollup_m5"), "hour": sql.Identifier("rollup_hour")}
_QUARTER = timedelta(minutes=15)
_LOOKED_BACK, _RAW_LOOKED_BACK = timedelta(days=400), timedelta(days=2)
"""How far it is looked for what a counter said last before a window."""


class Series(msgspec.Struct, frozen=True):
    """Points in the order of time; a bucket without any reading is absent.

    Attributes:
        level: What the points were made of: readings, or roll-ups of five minutes, hours or days.
        bucket_s: Length of a point; None where each is one reading.
        catching_up: Readings of these times came late, or were corrected, and may not be in the points yet.
    """

    channel_id: int
    unit: str
    begins: datetime
    ends: datetime
    level: Level
    bucket_s: float | None
    points: list[SeriesPoint]
    catching_up: bool = False


class _Channel(NamedTuple):
    group_id: int
    position: int
    quantity: str
    unit: str
    retention_class: str
    interval_s: float | None
    zone: str
    m5_since: datetime | None
    m5_to: datetime | None
    hours_to: datetime | None
    days_to: datetime | None
    days_to_date: date | None
    first_day: date
    last_day: date
    raw_gone: bool

    def has_m5(self, at: datetime) -> bool:
        return self.m5_since is not None and self.m5_since <= at

    @property
    def circular(self) -> bool:
        return is_circular(self.quantity)

    @property
    def counter(self) -> bool:
        known = QUANTITIES.get(self.quantity)
        return known is not None and known.counter

    @property
    def parameters(self) -> dict[str, Any]:
        of_sample = {"group_id": self.group_id, "element": self.position + 1, "position": self.position}
        return {**of_sample, "zone": self.zone, "circular": self.circular}


async def channel_series(
    connection: AsyncConnection[Any], org_id: int, channel_id: int, begins: datetime, ends: datetime, most_points: int
) -> Series | None:
    """Return readings of [begins, ends): themselves where at most `most_points`, else in buckets of equal length.

    Buckets begin at multiples of their length since 1970 UTC, days at local midnight, so that they stay the same when
    the window moves.

    Returns:
        None where this organisation has no such channel.

    Raises:
        ValueError: The window is empty, or `most_points` below 1.
    """
    if begins >= ends or most_points < 1:
        raise ValueError(f"no points in [{begins}, {ends}) by {most_points}")
    asked = {"org_id": org_id, "channel_id": channel_id, "begins": begins, "ends": ends}
    found = await connection.execute(_SQL["channel"], asked)
    row = await found.fetchone()
    if row is None:
        return None
    query = _Query(connection, _Channel(*row), begins, ends)
    level, bucket_s, made = await _points(query, most_points)
    catching_up = level != "raw" and query.catching_up
    return Series(channel_id, query.channel.unit, begins, ends, level, bucket_s, made, catching_up)


async def _points(query: "_Query", most: int) -> tuple[Level, float | None, list[SeriesPoint]]:
    stride, origin = stride_of(query.begins, query.ends, most)
    if query.channel.raw_gone and query.channel.hours_to is not None:
        return await _rolled_up(query, *_level(query, stride))
    if not query.is_dense and query.promises_more_than(most) and not query.channel.counter:
        # One look tells how many there are, and is mostly all that is needed.
        most_readings = max(most, MOST_READINGS)
        made = await query.reading_points(query.begins, query.ends, stride, origin, most_readings + 1)
        number = sum(point.count + point.bad for point in made)
        if number <= most:
            return "raw", None, await query.readings()
        if number <= most_readings:
            return "raw", stride.total_seconds(), made
    elif not query.is_dense:
        number = await query.count(max(most, MOST_READINGS) + 1)
        if number <= most:
            return "raw", None, await query.readings()
        if number <= MOST_READINGS:
            return "raw", stride.total_seconds(), await query.from_readings(stride, origin)
    level, length = _level(query, stride)
    if level == "raw":
        made = await query.from_readings(stride, origin)
    else:
        made = await (query.days(length // _DAYS) if level == "day" else query.from_rollups(level, length))
    if sum(point.count + point.bad for point in made) <= most and await query.count(most + 1) <= most:
        # Sparse, or only just begun: the readings themselves fit. Late ones may not be in the roll-ups yet.
        return "raw", None, await query.readings()
    return level, length.total_seconds(), made


async def _rolled_up(query: "_Query", level: Level, length: timedelta) -> tuple[Level, float | None, list[SeriesPoint]]:
    """Return roll-ups whatever their number: readings of the window have been let go, and perhaps finer levels too."""
    m5, hour, day = await query.first_buckets()
    if level == "m5" and (m5 is None or m5 > max(query.begins, (hour or m5) + _HOURS)):
        level, length = "hour", _whole(length, _HOURS)
    if level == "hour" and day is not None and (hour is None or hour > max(query.begins, day + _DAYS)):
        level, length = "day", _whole(length, _DAYS)
    made = await (query.days(length // _DAYS) if level == "day" else query.from_rollups(level, length))
    return level, length.total_seconds(), made


def _level(query: "_Query", stride: timedelta) -> tuple[Level, timedelta]:
    """Return the finest level whose roll-ups are not too many, and the length of a point; raw where there are none."""
    channel, span = query.channel, query.ends - query.begins
    if channel.hours_to is None:
        return "raw", stride
    if stride < _HOURS and channel.has_m5(query.begins) and span / _FIVE_MINUTES <= MOST_READINGS:
        return "m5", _whole(stride, _FIVE_MINUTES)
    if channel.days_to is None or (stride < _DAYS and span / _HOURS <= MOST_READINGS):
        return "hour", _whole(stride, _HOURS)
    return "day", _whole(stride, _DAYS)


def _whole(stride: timedelta, of: timedelta) -> timedelta:
    """Return the length of a point that is made of whole roll-ups: no shorter than what was asked for."""
    return -(-stride // of) * of


class _Query:
    """One channel and window, and the ways to read it."""

    def __init__(self, connection: AsyncConnection[Any], channel: _Channel, begins: datetime, ends: datetime) -> None:
        self.channel = channel
        self.begins = begins
        self.ends = ends
        self.catching_up = False
        self._connection = connection
        self._samples = SAMPLE_TABLES[channel.retention_class]

    @property
    def is_dense(self) -> bool:
        """Whether the window has more readings than one chart looks at, by what the group's interval promises."""
        if self.channel.interval_s is None:
            return False
        span = self.ends - self.begins
        most = MOST_READINGS if span > _SHORT else _MOST_OF_SHORT
        return span.total_seconds() / self.channel.interval_s > most

    def promises_more_than(self, most: int) -> bool:
        """Whether the group's interval promises more readings than this."""
        interval_s = self.channel.interval_s
        return interval_s is not None and (self.ends - self.begins).total_seconds() / interval_s > most

    async def count(self, most: int) -> int:
        ((number,),) = await self._rows("count", self.begins, self.ends, most=most)
        return int(number)

    async def first_buckets(self) -> tuple[datetime | None, datetime | None, datetime | None]:
        ((m5, hour, day),) = await self._rows("first_buckets", self.begins, self.ends)
        return m5, hour, day

    async def readings(self) -> list[SeriesPoint]:
        made, before = [], await self._earlier(self.begins)
        for time, value, code in await self._rows("raw", self.begins, self.ends):
            if value is None or code >= FIRST_BAD:
                made.append(SeriesPoint(time, None, None, None, 0, 1))
                continue
            increase = None
            if self.channel.counter and before is not None:
                increase = value if value < before else value - before
            before = value
            made.append(SeriesPoint(time, value, value, value, 1, 0, int(code >= FIRST_UNCERTAIN), increase))
        return made

    async def reading_points(
        self, begins: datetime, ends: datetime, stride: timedelta, origin: datetime, most: int | None = None
    ) -> list[SeriesPoint]:
        """Return points of at most so many readings, made by the database; not of a counter."""
        rows = await self._rows("reading_points", begins, ends, stride=stride, origin=origin, most=most)
        return list(starmap(SeriesPoint, rows))

    async def from_readings(self, stride: timedelta, origin: datetime) -> list[SeriesPoint]:
        if not self.channel.counter:
            return await self.reading_points(self.begins, self.ends, stride, origin)
        buckets = await self._read(self.begins, self.ends, stride, origin)
        before = await self._earlier(self.begins)
        return self._made(
            buckets,
            lambda bucket: (bucket.begins - origin) // stride,
            lambda key: origin + key * stride,
            before=before,
        )

    async def from_rollups(self, level: Level, length: timedelta) -> list[SeriesPoint]:
        closed_to = self.channel.m5_to if level == "m5" else self.channel.hours_to
        assert closed_to is not None
        fine = _FIVE_MINUTES if level == "m5" else _HOURS
        first = (self.begins - EPOCH) // length
        begins = EPOCH + first * length
        await self._look_for_late(begins)
        made: list[SeriesPoint] = []
        whole = EPOCH + (min(closed_to, self.ends) - EPOCH) // length * length
        if begins < whole and not self.channel.counter:
            asked = {"stride": length, "origin": EPOCH}
            rows = await self._rows("rolled_points", begins, whole, rollup=_RELATION[level], **asked)
            made = list(starmap(SeriesPoint, rows))
            begins = whole
        # A counter goes on from the bucket before the first.
        since = begins - fine if self.channel.counter else begins
        buckets = await self._closed(level, since, min(closed_to, self.ends))
        buckets += await self._read(max(closed_to, since), self.ends, fine, EPOCH)

        def number(bucket: Bucket) -> int:
            return (bucket.begins - EPOCH) // length

        before = await self._earlier(since)
        return made + self._made(buckets, number, lambda key: EPOCH + key * length, first=first, before=before)

    async def days(self, number: int) -> list[SeriesPoint]:
        """Return points of so many local dates each; what is not a closed day yet comes from hours and readings."""
        days_to, hours_to, origin = self.channel.days_to, self.channel.hours_to, EPOCH.date()
        assert days_to is not None
        assert hours_to is not None
        first = (self.channel.first_day - origin).days // number
        since = origin + timedelta(days=first * number - 1)
        until = self.channel.last_day
        await self._look_for_late(await self._day_start(since))
        before = await self._earlier(await self._day_start(since)) if self.channel.counter else None
        ready: list[SeriesPoint] = []
        if not self.channel.counter:
            ready, since = await self._whole_days(origin + timedelta(days=first * number), number)
            if since > until:
                return ready
        buckets, opened = [], days_to
        if since != self.channel.days_to_date:
            closed = await self._rows("rolled_days", EPOCH, days_to, since=since, until=until)
            buckets = [Bucket.of_rollup(row) for row in closed]
            opened = max(days_to, await self._day_start(since))
        # A date may begin within an hour.
        whole = EPOCH - (EPOCH - opened) // _HOURS * _HOURS
        ends = max(self.ends, opened)
        buckets += await self._read(opened, min(whole, ends), _QUARTER, EPOCH)
        buckets += await self._closed("hour", whole, min(hours_to, ends))
        buckets += await self._read(max(hours_to, whole), ends, _QUARTER, EPOCH)

        def number_of(bucket: Bucket) -> int:
            return (bucket.day - origin).days // number

        if not buckets:
            return ready
        dates = {key: origin + timedelta(days=key * number) for key in map(number_of, buckets)}
        found = await self._connection.execute(
            _SQL["day_starts"], {"days": list(dates.values()), "zone": self.channel.zone}
        )
        starts = dict(await found.fetchall())
        made = self._made(buckets, number_of, lambda key: starts[dates[key]], first=first, before=before)
        day_of = {starts[day]: day for day in dates.values()}
        return ready + [msgspec.structs.replace(point, day=day_of[point.time]) for point in made]

    async def _look_for_late(self, begins: datetime) -> None:
        """Note whether samples of roll-ups from there on wait for them; before these are read, lest it be missed."""
        hour = EPOCH + (begins - EPOCH) // _HOURS * _HOURS
        ((self.catching_up,),) = await self._rows("waiting", hour, self.ends + _DAYS)

    async def _whole_days(self, since: date, number: int) -> tuple[list[SeriesPoint], date]:
        """Return the points whose dates have all closed, made by the database, and the date that follows them."""
        channel, origin = self.channel, EPOCH.date()
        assert channel.days_to_date is not None
        ends = min(channel.days_to_date, channel.last_day + timedelta(days=1))
        until = max(since, origin + timedelta(days=(ends - origin).days // number * number))
        rows = await self._rows("day_points", self.begins, self.ends, since=since, until=until, dates=number)
        return list(starmap(SeriesPoint, rows)), until

    async def _day_start(self, day: date) -> datetime:
        found = await self._connection.execute(_SQL["day_starts"], {"days": [day], "zone": self.channel.zone})
        ((_, begins),) = await found.fetchall()
        at: datetime = begins
        return at

    async def _earlier(self, at: datetime) -> float | None:
        """Return what a counter said last before an instant: what came while it was silent counts to what follows."""
        if not self.channel.counter:
            return None
        whole = EPOCH + (at - EPOCH) // _HOURS * _HOURS
        closed = min(whole, self.channel.hours_to or EPOCH)
        found = await self._rows("value_before", max(closed, at - _RAW_LOOKED_BACK), at)
        if not found:
            hours = _RELATION["hour"]
            found = await self._rows("last_before", closed - _LOOKED_BACK, closed, rollup=hours)
        return found[0][0] if found else None

    async def _closed(self, level: Level, begins: datetime, ends: datetime) -> list[Bucket]:
        if begins >= ends:
            return []
        return [Bucket.of_rollup(row) for row in await self._rows("rolled", begins, ends, rollup=_RELATION[level])]

    async def _read(self, begins: datetime, ends: datetime, stride: timedelta, origin: datetime) -> list[Bucket]:
        """Return buckets of readings."""
        if begins >= ends:
            return []
        rows = await self._rows("buckets", begins, ends, stride=stride, origin=origin)
        buckets = [
            Bucket(at, day, count, bad, uncertain, low, high, total or 0.0, x or 0.0, y or 0.0)
            for at, day, count, bad, uncertain, low, high, total, y, x in rows
        ]
        if self.channel.counter:
            counted = await self._rows("counted", begins, ends, stride=stride, origin=origin)
            steps = {at: rest for at, *rest in counted}
            for bucket in buckets:
                if bucket.begins in steps:
                    bucket.first, bucket.last, bucket.increase = steps[bucket.begins]
        return buckets

    def _made(
        self,
        buckets: list[Bucket],
        number_of: Callable[[Bucket], int],
        begins_of: Callable[[int], datetime],
        *,
        first: int | None = None,
        before: float | None = None,
    ) -> list[SeriesPoint]:
        kinds = {"circular": self.channel.circular, "counter": self.channel.counter}
        return points(buckets, number_of, begins_of, first=first, before=before, **kinds)

    async def _rows(
        self, name: str, begins: datetime, ends: datetime, *, rollup: sql.Identifier | None = None, **more: Any
    ) -> list[tuple[Any, ...]]:
        statement = sql.SQL(_SQL[name]).format(samples=self._samples, rollup=rollup or sql.SQL(""))
        parameters = {**self.channel.parameters, "begins": begins, "ends": ends, **more}
        async with self._connection.cursor(binary=True) as cursor:
            return await (await cursor.execute(statement, parameters)).fetchall()
