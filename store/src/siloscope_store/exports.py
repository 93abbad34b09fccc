"""What an export reads: which channels are wanted, and their readings or roll-ups page by page, in order of time."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Literal, NamedTuple

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from siloscope_contract.quality import FIRST_BAD
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
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Selection:
    """What is wanted of an organisation; None = any. People name things by slugs, the API by ids."""

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
    """What a bucket of a roll-up holds of a channel; `bad` are readings that failed."""

    time: datetime
    channel: ExportedChannel
    readings: int
    bad: int
    minimum: float | None
    mean: float | None
    maximum: float | None
    last: float | None


Row = RawRow | BucketRow


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
        async for page in _pages_of(lent, wanted.level, group, begins):
            yield page


async def _pages_of(
    lent: Lent, level: Level, group: Sequence[ExportedChannel], begins: datetime
) -> AsyncIterator[Page]:
    first = group[0]
    relation = _TABLES[first.retention_class] if level == "raw" else _ROLLUPS[level]
    name = level if level in ("raw", "day") else "bucket"
    statement = SQL(_SQL[name]).format(relation=Identifier(relation))
    limit = max(1, CELLS_A_PAGE // (max(channel.position for channel in group) + 1))
    ends = max(channel.ends for channel in group)
    while begins < ends:
        parameters = {"group_id": first.group_id, "begins": begins, "ends": ends, "limit": limit}
        async with lent() as connection:
            cursor = connection.cursor(binary=True)
            await cursor.execute(statement, parameters)
            found = await cursor.fetchall()
        if found:
            step = timedelta(days=1) if level == "day" else _TICK
            begins = found[-1][0] + step
            rows = _raw(found, group) if level == "raw" else _buckets(found, group, whole_days=level == "day")
            yield Page(rows, Place(first.group_id, begins))
        if len(found) < limit:
            break


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


def _buckets(found: Sequence[tuple[Any, ...]], group: Sequence[ExportedChannel], *, whole_days: bool) -> list[Row]:
    rows: list[Row] = []
    for time, counts, reasons, *columns in found:
        for channel in group:
            at = channel.position
            if not whole_days and not channel.begins <= time < channel.ends:
                continue
            count = _element(counts, at) or 0
            bad = _bad(reasons, at)
            if count or bad:
                rows.append(BucketRow(time, channel, count, bad, *(_element(column, at) for column in columns)))
    return rows


def _element(column: Sequence[Any] | None, at: int) -> Any:
    return column[at] if column is not None and at < len(column) else None


def _bad(reasons: Mapping[str, Mapping[str, int]] | None, at: int) -> int:
    of_position = (reasons or {}).get(str(at), {})
    return sum(count for code, count in of_position.items() if int(code) >= FIRST_BAD)
