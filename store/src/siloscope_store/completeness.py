"""What is missing, and why: per group or channel and local date, and as a list of gaps."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from siloscope_contract.quality import FIRST_BAD, Quality, grade
from siloscope_store.cursors import PageOf, next_page, position_of
from siloscope_store.errors import CursorMalformed
from siloscope_store.statements import statements

_SQL = statements("completeness.sql")
Connection = AsyncConnection[Any]

CAUSES = (
    "agent_off",
    "bus_error",
    "evicted",
    "thinned",
    "refused",
    "undated",
    "on_its_way",
    "no_word",
    "unexplained",
)
NOT_REPORTED = "not_reported"
"""Of a channel alone: its sample came, and had nothing of it."""

_MOST_GROUPS = 5_000


@dataclass(frozen=True)
class Scope:
    """What is asked about; None = any."""

    site_id: int | None = None
    place_id: int | None = None
    device_id: int | None = None
    channel_id: int | None = None


class PlaceRef(msgspec.Struct, frozen=True):
    """A place where channels of a group are now."""

    id: int
    slug: str
    title: str
    kind: str


class Subject(msgspec.Struct, frozen=True):
    """A group: channels of one device that are read together."""

    group_id: int
    group_key: str
    interval_s: float | None
    device_id: int
    device_slug: str
    device_title: str | None
    node_id: int
    node_slug: str
    site_id: int
    site_slug: str
    time_zone: str
    places: list[PlaceRef]


class ChannelRef(msgspec.Struct, frozen=True):
    """A channel."""

    id: int
    key: str
    title: str | None
    quantity: str
    unit: str


class Day(msgspec.Struct, frozen=True):
    """One local date: expected + surplus = stored + everything in `missing`.

    Attributes:
        expected: None where nobody said how often samples come.
        surplus: How many more are stored than expected.
        late: How many of the stored came later than their delivery allowance.
        missing: How many by cause; causes that there are none of are left out.
        bad: How many readings of what is stored failed, by reason.
        conflicts: Second values that differed from what was stored.
    """

    day: date
    expected: int | None
    stored: int
    surplus: int
    late: int
    missing: dict[str, int]
    bad: dict[str, int]
    conflicts: int


class Completeness(msgspec.Struct, frozen=True):
    """The days of a group, or of one of its channels; a day of which nothing was expected or stored is absent."""

    subject: Subject
    channel: ChannelRef | None
    days: list[Day]


class Gap(msgspec.Struct, frozen=True):
    """Neighbouring samples of one group that are missing for one cause: the first's time and the last's."""

    subject: Subject
    cause: str
    from_time: datetime
    to_time: datetime
    samples: int
    interval_s: float


class Conflict(msgspec.Struct, frozen=True):
    """A reading that came twice with different values."""

    conflict_id: int
    channel_id: int
    channel_key: str
    channel_title: str | None
    quantity: str
    unit: str
    device_id: int
    device_slug: str
    device_title: str | None
    time: datetime
    kept_value: float | None
    kept_reason: str
    kept_epoch: str | None
    kept_seq: int | None
    other_value: float | None
    other_reason: str
    other_epoch: str | None
    other_seq: int | None
    at: datetime


async def completeness(
    connection: Connection,
    org_id: int,
    scope: Scope,
    from_day: date,
    to_day: date,
    *,
    now: datetime,
    by_channel: bool = False,
    limit: int,
    cursor: str | None = None,
) -> PageOf[Completeness]:
    """Return groups, or their channels, with their days from one local date to another, included.

    Raises:
        CursorMalformed: It was not given out here.
    """
    found = await _subjects(connection, org_id, scope, now=now, limit=limit + 1, after=position_of(cursor))
    page = next_page(found, limit, lambda each: each.group_id)
    group_ids = [each.group_id for each in page.items]
    asked = {"group_ids": group_ids, "from_day": from_day, "to_day": to_day, "now": now}
    rows = defaultdict[int, list[dict[str, Any]]](list)
    async with connection.cursor(row_factory=dict_row) as cursor_of_days:
        await cursor_of_days.execute(_SQL["days"], asked)
        for row in await cursor_of_days.fetchall():
            rows[row["group_id"]].append(row)
    if not by_channel and scope.channel_id is None:
        items = [Completeness(each, None, [_day(row) for row in rows[each.group_id]]) for each in page.items]
        return PageOf(items, page.next_cursor)
    channels = await _channels(connection, group_ids, scope)
    conflicts = await _channel_conflicts(connection, asked)
    items = [
        Completeness(each, channel, _channel_days(rows[each.group_id], place, life, conflicts))
        for each in page.items
        for channel, place, life in channels[each.group_id]
    ]
    return PageOf(items, page.next_cursor)


async def gaps(
    connection: Connection,
    org_id: int,
    scope: Scope,
    begins: datetime,
    ends: datetime,
    *,
    now: datetime,
    cause: str | None = None,
    limit: int,
    cursor: str | None = None,
) -> PageOf[Gap]:
    """Return what is missing of [begins, ends), newest first.

    Raises:
        CursorMalformed: It was not given out here.
    """
    before = _before(cursor)
    subjects = {
        each.group_id: each for each in await _subjects(connection, org_id, scope, now=now, limit=_MOST_GROUPS, after=0)
    }
    parameters = {
        "group_ids": list(subjects),
        "begins": begins,
        "ends": ends,
        "now": now,
        "cause": cause,
        "limit": limit + 1,
        "before": before[0],
        "before_group": before[1],
        "before_cause": before[2],
    }
    found = await (await connection.execute(_SQL["gaps"], parameters)).fetchall()
    items = [Gap(subjects[row[0]], row[1], row[2], row[3], row[5], row[4]) for row in found]
    if len(items) <= limit:
        return PageOf(items, None)
    last = items[limit - 1]
    return PageOf(items[:limit], f"{last.from_time.isoformat()}~{last.subject.group_id}~{last.cause}")


async def conflicts(
    connection: Connection,
    org_id: int,
    scope: Scope,
    begins: datetime,
    ends: datetime,
    *,
    now: datetime,
    limit: int,
    cursor: str | None = None,
) -> PageOf[Conflict]:
    """Return readings of [begins, ends) that came twice with different values, newest first.

    Raises:
        CursorMalformed: It was not given out here.
    """
    groups = await _subjects(connection, org_id, scope, now=now, limit=_MOST_GROUPS, after=0)
    parameters = {
        "group_ids": [each.group_id for each in groups],
        "channel_id": scope.channel_id,
        "begins": begins,
        "ends": ends,
        "before_id": position_of(cursor) or None,
        "limit": limit + 1,
    }
    async with connection.cursor(row_factory=dict_row) as rows:
        await rows.execute(_SQL["conflicts"], parameters)
        found = [_conflict(row) for row in await rows.fetchall()]
    return next_page(found, limit, lambda each: each.conflict_id)


async def _subjects(
    connection: Connection, org_id: int, scope: Scope, *, now: datetime, limit: int, after: int
) -> list[Subject]:
    parameters = {"org_id": org_id, **vars(scope), "now": now, "limit": limit, "after": after}
    async with connection.cursor(row_factory=dict_row) as rows:
        await rows.execute(_SQL["groups"], parameters)
        found = await rows.fetchall()
    return [Subject(**{**row, "places": [PlaceRef(**place) for place in row["places"]]}) for row in found]


_Life = tuple[date, date | None]


async def _channels(
    connection: Connection, group_ids: Sequence[int], scope: Scope
) -> Mapping[int, list[tuple[ChannelRef, int, _Life]]]:
    parameters = {"group_ids": group_ids, "channel_id": scope.channel_id, "place_id": scope.place_id}
    found = defaultdict[int, list[tuple[ChannelRef, int, _Life]]](list)
    rows = await (await connection.execute(_SQL["channels"], parameters)).fetchall()
    for channel_id, group_id, key, title, quantity, unit, position, since, until in rows:
        found[group_id].append((ChannelRef(channel_id, key, title, quantity, unit), position, (since, until)))
    return found


async def _channel_conflicts(connection: Connection, asked: Mapping[str, Any]) -> dict[tuple[int, int, date], int]:
    rows = await (await connection.execute(_SQL["channel_conflicts"], asked)).fetchall()
    return {(group_id, position, day): count for group_id, position, day, count in rows}


def _channel_days(
    rows: Sequence[Mapping[str, Any]], position: int, life: _Life, conflicts: Mapping[tuple[int, int, date], int]
) -> list[Day]:
    """Return the days on which a channel belonged to its group; samples from before its first birth count too."""
    since, until = life
    found = [_channel_day(row, position, conflicts) for row in rows if until is None or row["day"] <= until]
    return [day for day in found if day.day >= since or day.stored or day.conflicts]


def _day(row: Mapping[str, Any]) -> Day:
    bad = defaultdict[str, int](int)
    for codes in (row["reasons"] or {}).values():
        for reason, count in _bad(codes).items():
            bad[reason] += count
    return _made(row, row["expected"], row["stored"], _causes(row), dict(bad), row["conflicts"])


def _channel_day(row: Mapping[str, Any], position: int, conflicts: Mapping[tuple[int, int, date], int]) -> Day:
    bad = _bad((row["reasons"] or {}).get(str(position), {}))
    counts = row["counts"] or []
    stored = (counts[position] or 0 if position < len(counts) else 0) + sum(bad.values())
    missing = _causes(row)
    if row["stored"] > stored:
        missing[NOT_REPORTED] = row["stored"] - stored
    return _made(row, row["expected"], stored, missing, bad, conflicts.get((row["group_id"], position, row["day"]), 0))


def _made(
    row: Mapping[str, Any],
    expected: int | None,
    stored: int,
    missing: dict[str, int],
    bad: dict[str, int],
    conflicts: int,
) -> Day:
    return Day(row["day"], expected, stored, row["surplus"], row["late"], missing, bad, conflicts)


def _causes(row: Mapping[str, Any]) -> dict[str, int]:
    return {cause: row[cause] for cause in CAUSES if row[cause]}


def _bad(codes: Mapping[str, int]) -> dict[str, int]:
    return {_reason(int(code)): int(count) for code, count in codes.items() if int(code) >= FIRST_BAD}


def _reason(code: int) -> str:
    return Quality(code).reason if code in set(Quality) else grade(code).value


def _conflict(row: dict[str, Any]) -> Conflict:
    for which in ("kept", "other"):
        row[f"{which}_reason"] = _reason(row.pop(f"{which}_quality") or 0)
    return Conflict(**row)


def _before(cursor: str | None) -> tuple[datetime | None, int | None, str | None]:
    if cursor is None:
        return None, None, None
    try:
        time, group_id, cause = cursor.split("~")
        at = datetime.fromisoformat(time)
        if at.tzinfo is None or cause not in CAUSES or not 0 < int(group_id) < 2**31:
            raise ValueError(cursor)
        return at, int(group_id), cause
    except (ValueError, OverflowError):
        raise CursorMalformed(cursor) from None
