"""What an export reads: which channels are wanted, and their readings or roll-ups page by page, in order of time."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from siloscope_contract.quality import FIRST_BAD, FIRST_UNCERTAIN
from siloscope_contract.quantities import QUANTITIES
from siloscope_store.statements import statements

_SQL = statements("exports.sql")
Connection = AsyncConnection[Any]
Level = Literal["raw", "m5", "hour", "day"]
Lent = Callable[[], AbstractAsyncContextManager[Connection]]
"""Lends a connection for one page: who reads slowly holds none meanwhile."""

CELLS_A_PAGE = 40_000
"""Most elements that a page holds, whatever the width of its group."""

_TABLES = {"measurements": "sample", "vitals": "sample_vitals"}
_ROLLUPS = {"m5": "rollup_m5", "hour": "rollup_hour", "day": "rollup_day"}
_LENGTHS = {"m5": timedelta(minutes=5), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Selection:
    """What is wanted of an organisation; None = any. People name things by slugs, the API by ids.

    Attributes:
        from_midnight: `begins` is a date, told as its midnight in UTC: of days, that of each site is meant.
        to_midnight: The same of `ends`.
    """

    org_id: int
    begins: datetime
    ends: datetime
    level: Level = "raw"
    site_id: int | None = None
    place_id: int | None = None
    device_id: int | None = None
    channel_id: int | None = None
    site: str | None = None
    place: str | None = None
    node: str | None = None
    device: str | None = None
    channel: str | None = None
    from_midnight: bool = False
    to_midnight: bool = False


@dataclass(frozen=True, eq=False)  # told apart by identity: it is looked up for every row
class ExportedChannel:
    """A channel, and for which span its values are wanted."""

    site: str
    time_zone: str
    node: str
    device: str
    channel: str
    title: str
    quantity: str
    unit: str
    position: int
    group_id: int
    retention_class: str
    begins: datetime
    ends: datetime


class RawRow(NamedTuple):
    """A reading; no value where the read failed."""

    time: datetime
    channel: ExportedChannel
    value: float | None
    code: int


class BucketRow(NamedTuple):
    """What a bucket of a roll-up holds of a channel.

    Attributes:
        readings: With a value; `uncertain` of them with one in doubt.
        bad: Readings that failed.
        increase: Of a counter: what it added since the bucket before, whatever was reset meanwhile.
    """

    time: datetime
    channel: ExportedChannel
    readings: int
    uncertain: int
    bad: int
    minimum: float | None
    mean: float | None
    maximum: float | None
    last: float | None
    increase: float | None


Row = RawRow | BucketRow


class LetGo(NamedTuple):
    """What an export lacks: what a site has of a retention class before that time has been let go, but for remains."""

    site: str
    retention_class: str
    before: datetime


class Place(NamedTuple):
    """How far an export is: everything of this group before this time, and of the groups before it."""

    group_id: int
    time: datetime


@dataclass(frozen=True)
class Page:
    """Rows in order of time, and where the export is behind them."""

    rows: Sequence[Row]
    reached: Place


async def channels(connection: Connection, wanted: Selection) -> list[ExportedChannel]:
    """Return the channels of a selection, by group and position."""
    found = await connection.execute(_SQL["channels"], vars(wanted))
    return [ExportedChannel(*row) for row in await found.fetchall()]


async def let_go(connection: Connection, wanted: Selection, chosen: Sequence[ExportedChannel]) -> list[LetGo]:
    """Return what retention let go of a selection, by site and class: the export lacks it."""
    found = sorted({(channel.site, channel.retention_class) for channel in chosen})
    asked = {
        "org_id": wanted.org_id,
        "begins": wanted.begins,
        "ends": wanted.ends,
        "sites": [site for site, _ in found],
        "classes": [retention_class for _, retention_class in found],
    }
    if wanted.level == "raw":
        rows = await connection.execute(_SQL["gone"], asked)
    else:
        of_level = {"level": wanted.level, "bucket": _LENGTHS[wanted.level]}
        rows = await connection.execute(_SQL["gone_rollups"], {**asked, **of_level})
    return [LetGo(*row) for row in await rows.fetchall()]


async def pages(
    lent: Lent, wanted: Selection, chosen: Sequence[ExportedChannel], since: Place | None = None
) -> AsyncIterator[Page]:
    """Yield what channels hold, group by group, behind the place that an earlier page reached."""
    for group_id, members in groupby(chosen, lambda channel: channel.group_id):
        if since is not None and group_id < since.group_id:
            continue
        group = list(members)
        begins = min(channel.begins for channel in group)
        if since is not None and group_id == since.group_id:
            begins = max(begins, since.time)
        async for page in _pages_of(lent, wanted, group, begins):
            yield page


async def _pages_of(
    lent: Lent, wanted: Selection, group: Sequence[ExportedChannel], begins: datetime
) -> AsyncIterator[Page]:
    first, level = group[0], wanted.level
    relation = _TABLES[first.retention_class] if level == "raw" else _ROLLUPS[level]
    name = level if level in ("raw", "day") else "bucket"
    statement = SQL(_SQL[name]).format(relation=Identifier(relation))
    limit = max(1, CELLS_A_PAGE // (max(channel.position for channel in group) + 1))
    ends = max(channel.ends for channel in group)
    if level == "day":
        begins = _midnight(begins, first) if wanted.from_midnight and begins == wanted.begins else begins
        ends = _midnight(ends, first) if wanted.to_midnight and ends == wanted.ends else ends
    while begins < ends:
        asked = {"group_id": first.group_id, "begins": begins, "ends": ends, "zone": first.time_zone, "limit": limit}
        async with lent() as connection:
            cursor = connection.cursor(binary=True)
            await cursor.execute(statement, asked)
            found = await cursor.fetchall()
            before = await _before(connection, wanted, group, found)
        if found:
            begins = found[-1][0] + _TICK if level == "raw" else found[-1][2]
            rows = _raw(found, group) if level == "raw" else _buckets(found, group, wanted, before)
            yield Page(rows, Place(first.group_id, begins))
        if len(found) < limit:
            break


def _midnight(at: datetime, channel: ExportedChannel) -> datetime:
    """Return when that date begins at a channel's site; where clocks skip midnight, when they do."""
    return at.replace(tzinfo=ZoneInfo(channel.time_zone)).astimezone(UTC)


def _raw(found: Sequence[tuple[Any, ...]], group: Sequence[ExportedChannel]) -> list[Row]:
    rows: list[Row] = []
    add = rows.append
    one_span = len({(channel.begins, channel.ends) for channel in group}) == 1
    placed = [(channel.position, channel) for channel in group]
    for time, values, quality in found:
        length = len(values)
        for position, channel in placed:
            if position >= length or not (one_span or channel.begins <= time < channel.ends):
                continue
            value = values[position]
            if quality is None:
                if value is not None:
                    add(RawRow(time, channel, value, 0))
                continue
            code = quality[position] if position < len(quality) else None
            if value is not None or code is not None:
                add(RawRow(time, channel, value, code or 0))
    return rows


async def _before(
    connection: Connection, wanted: Selection, group: Sequence[ExportedChannel], found: Sequence[tuple[Any, ...]]
) -> dict[int, float | None]:
    """Return, by position, the last value that each counter had in the buckets before a page."""
    counters = sorted({channel.position for channel in group if _is_counter(channel)})
    if wanted.level == "raw" or not counters or not found:
        return {}
    name = "day_before" if wanted.level == "day" else "bucket_before"
    statement = SQL(_SQL[name]).format(relation=Identifier(_ROLLUPS[wanted.level]))
    asked = {"group_id": group[0].group_id, "begins": found[0][0], "positions": counters}
    return dict(await (await connection.execute(statement, asked)).fetchall())


def _buckets(
    found: Sequence[tuple[Any, ...]],
    group: Sequence[ExportedChannel],
    wanted: Selection,
    before: dict[int, float | None],
) -> list[Row]:
    rows: list[Row] = []
    for time, begins, _, counts, reasons, *columns, first, increase in found:
        added = {at: _added(before, at, first, increase, columns[-1]) for at in before}
        for channel in group:
            at = channel.position
            if not _was_there(channel, begins, wanted):
                continue
            count = _element(counts, at) or 0
            uncertain, bad = _flaws(reasons, at)
            if count or bad:
                low, mean, high, last = (_element(column, at) for column in columns)
                rows.append(BucketRow(time, channel, count, uncertain, bad, low, mean, high, last, added.get(at)))
    return rows


def _added(
    before: dict[int, float | None], at: int, first: Sequence[Any], increase: Sequence[Any], last: Sequence[Any]
) -> float | None:
    """Return what a counter added in a bucket and on the way to it, and note how far it is."""
    begun, ended, within = _element(first, at), _element(last, at), _element(increase, at)
    if begun is None or within is None:
        return None
    known, before[at] = before[at], ended
    border = 0.0 if known is None else begun if begun < known else begun - known
    return float(within + border)


def _was_there(channel: ExportedChannel, begins: datetime, wanted: Selection) -> bool:
    """Return whether a channel was at the place when a bucket began; days that began before the export are in it."""
    since = channel.begins <= begins or (wanted.level == "day" and channel.begins == wanted.begins)
    return since and begins < channel.ends


def _is_counter(channel: ExportedChannel) -> bool:
    known = QUANTITIES.get(channel.quantity)
    return known is not None and known.counter


def _element(column: Sequence[Any] | None, at: int) -> Any:
    return column[at] if column is not None and at < len(column) else None


def _flaws(reasons: Mapping[str, Mapping[str, int]] | None, at: int) -> tuple[int, int]:
    """Return how many readings are uncertain, and how many bad."""
    of_position = (reasons or {}).get(str(at), {})
    bad = sum(count for code, count in of_position.items() if int(code) >= FIRST_BAD)
    uncertain = sum(count for code, count in of_position.items() if FIRST_UNCERTAIN <= int(code) < FIRST_BAD)
    return uncertain, bad
