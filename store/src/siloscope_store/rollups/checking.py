"""Roll-ups held against what their samples say now: every level is computed from samples alone and compared."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from psycopg import AsyncConnection

from siloscope_store import rollup_marks
from siloscope_store.rollups import computing
from siloscope_store.rollups.computing import FIVE_MINUTES, HOUR, Day, Piece
from siloscope_store.rollups.copied import Integers
from siloscope_store.rollups.folding import Parts, fold, parts_of, positions
from siloscope_store.rollups.groups import Group, groups
from siloscope_store.rollups.progress import days_between, progress
from siloscope_store.rollups.rows import at_of, joined, means, parts_of_rows, us_of
from siloscope_store.statements import statements

_SQL = statements("rollups.sql")
Connection = AsyncConnection[Any]
_GROUPS_AT_ONCE = 100
_STEP = timedelta(days=1)
_CLOSE = 1e-9
_HOUR_US = 3_600_000_000


class Difference(NamedTuple):
    """A bucket that is not what its samples make of it."""

    level: str
    group_id: int
    bucket: datetime
    what: str


class Found(NamedTuple):
    """What was compared, and what differs."""

    buckets: int
    differences: list[Difference]


async def check(
    connection: Connection, begins: datetime | None, ends: datetime | None, site_id: int | None = None
) -> AsyncIterator[Found]:
    """Compare every computed bucket that begins in [begins, ends), some groups and days at a time.

    Buckets whose samples may have been dropped, and those that wait for a repair, are left out.
    """
    done = {each.level + each.zone: each.done_to for each in await progress(connection)}
    if "hour" not in done:
        return
    waiting = {row[0] for row in await (await connection.execute(_SQL["touched_groups"])).fetchall()}
    after = 0
    while some := await groups(connection, after=after, limit=_GROUPS_AT_ONCE, site_id=site_id):
        after = some[-1].group_id
        for zone in sorted({group.zone for group in some}):
            of_zone = [group for group in some if group.zone == zone and group.group_id not in waiting]
            first = _first_hour(await _earliest(connection, of_zone), begins)
            while first is not None and first < min(ends or done["hour"], done["hour"]):
                until = min(first + _STEP, ends or done["hour"], done["hour"])
                yield await _compared(connection, of_zone, first, until, done)
                first = until


async def repair(connection: Connection, differences: Sequence[Difference]) -> None:
    """Have differing buckets computed again by the roll-up job: mark an hour of each."""
    ids = [each.group_id for each in differences]
    await rollup_marks.mark_touched(connection, ids, [each.bucket for each in differences])


def _first_hour(earliest: datetime | None, begins: datetime | None) -> datetime | None:
    """Return the first whole hour that is to be compared."""
    if earliest is None or begins is None or begins <= earliest:
        return earliest
    return at_of(-(-us_of(begins) // _HOUR_US) * _HOUR_US)


async def _earliest(connection: Connection, some: Sequence[Group]) -> datetime | None:
    """Return a time a day before the first sample or roll-up of groups."""
    row = await (
        await connection.execute(_SQL["earliest"], {"group_ids": [group.group_id for group in some]})
    ).fetchone()
    assert row is not None
    at: datetime | None = row[0]
    # The first local date begins before its first sample.
    return None if at is None else at_of(us_of(at) // _HOUR_US * _HOUR_US) - _STEP


async def _compared(
    connection: Connection, some: Sequence[Group], begins: datetime, ends: datetime, done: dict[str, datetime]
) -> Found:
    waiting = await (
        await connection.execute(_SQL["waiting"], {"begins": begins - _STEP, "ends": ends + _STEP})
    ).fetchall()
    marked = {(group_id, us_of(at)) for group_id, at in waiting}
    buckets = 0
    differences: list[Difference] = []
    for level, stride in (("m5", FIVE_MINUTES), ("hour", HOUR)):
        limit = min(ends, done[level])
        kept = [group for group in some if group.keeps(begins) and (level == "hour" or group.has_m5(begins))]
        starts = np.arange(us_of(begins), us_of(limit), stride // timedelta(microseconds=1))
        if kept and begins < limit:
            stored = await _stored(connection, "rollup_" + level, kept, begins, limit)
            made = await _made(connection, kept, starts, limit)
            found = _differing(level, kept, stored, made, marked, HOUR)
            buckets, differences = buckets + found.buckets, differences + found.differences
    zone = some[0].zone
    limit = min(ends + 2 * _STEP, done.get("day" + zone, begins))
    days = [day for day in await days_between(connection, zone, begins, limit) if day.begins < ends]
    kept = [group for group in some if group.keeps(begins)]
    if days and kept:
        found = await _compared_days(connection, kept, days, marked)
        buckets, differences = buckets + found.buckets, differences + found.differences
    return Found(buckets, differences)


async def _compared_days(
    connection: Connection, kept: Sequence[Group], days: Sequence[Day], marked: set[tuple[int, int]]
) -> Found:
    asked = {"group_ids": [group.group_id for group in kept], "days": [day.day for day in days]}
    rows = await (await connection.execute(_SQL["read_days"], asked)).fetchall()
    starts = {day.day: day.begins for day in days}
    dated = [(row[0], starts[row[1].date()], *row[2:]) for row in rows]
    kinds = {group.group_id: group.kinds for group in kept}
    made = await _made(connection, kept, np.array([us_of(day.begins) for day in days]), days[-1].ends)
    return _differing("day", kept, parts_of_rows(dated, kinds) if dated else None, made, marked, 25 * HOUR)


async def _stored(
    connection: Connection, rollup: str, kept: Sequence[Group], begins: datetime, ends: datetime
) -> Parts | None:
    kinds = {group.group_id: group.kinds for group in kept}
    rows = await computing.rollup_rows(connection, rollup, list(kinds), begins, ends)
    return parts_of_rows(rows, kinds) if rows else None


async def _made(connection: Connection, kept: Sequence[Group], starts: Integers, ends: datetime) -> list[Parts]:
    kinds = {group.group_id: group.kinds for group in kept}
    pieces = [Piece(group, at_of(int(starts[0])), ends) for group in kept]
    blocks = []
    async for samples in computing.samples_between(connection, pieces):
        parts = parts_of(samples, kinds)
        # An hour of a group is within one block, a day is not.
        hours = parts.starts_us // _HOUR_US * _HOUR_US
        blocks.append(fold(parts, np.maximum(hours, _before(starts, parts.starts_us)), kinds))
    if not blocks:
        return []
    whole = joined(blocks)
    return [fold(whole, _before(starts, whole.starts_us), kinds)]


def _before(starts: Integers, times_us: Integers) -> Integers:
    """Return for each time the last start that is not after it."""
    return starts[np.searchsorted(starts, times_us, side="right") - 1]


def _differing(
    level: str,
    kept: Sequence[Group],
    stored: Parts | None,
    made: Sequence[Parts],
    marked: set[tuple[int, int]],
    reach: timedelta,
) -> Found:
    kinds = {group.group_id: group.kinds for group in kept}
    there, wanted = (_comparable(parts, kinds) for parts in ([stored] if stored is not None else [], made))
    differences = []
    for key in sorted(there.keys() | wanted.keys()):
        if any((key[0], key[1] // _HOUR_US * _HOUR_US + h * _HOUR_US) in marked for h in range(reach // HOUR + 1)):
            continue
        what = _difference(there.get(key), wanted.get(key))
        if what is not None:
            differences.append(Difference(level, key[0], at_of(key[1]), what))
    return Found(len(wanted), differences)


_Row = dict[str, Any]


def _comparable(several: Sequence[Parts], kinds: dict[int, Any]) -> dict[tuple[int, int], _Row]:
    found: dict[tuple[int, int], _Row] = {}
    for parts in several:
        width = parts.counts.shape[1]
        circular = positions(parts.group_ids, width, {id_: kind.circular for id_, kind in kinds.items()})
        counters = positions(parts.group_ids, width, {id_: kind.counters for id_, kind in kinds.items()})
        mean, resultant = means(parts, circular)
        turning = np.zeros(parts.counts.shape, dtype=bool) if circular is None else circular
        counting = np.zeros(parts.counts.shape, dtype=bool) if counters is None else counters
        flaws: dict[int, list[tuple[int, int, int]]] = {}
        columns = (parts.flaws.rows, parts.flaws.positions, parts.flaws.codes, parts.flaws.numbers)
        for row, *flaw in zip(*(column.tolist() for column in columns), strict=True):
            flaws.setdefault(row, []).append((flaw[0], flaw[1], flaw[2]))
        for row, key in enumerate(zip(parts.group_ids.tolist(), parts.starts_us.tolist(), strict=True)):
            used = parts.counts[row] > 0
            found[key] = {
                "samples": int(parts.samples[row]),
                "counts": {at: int(parts.counts[row, at]) for at in np.flatnonzero(used)},
                "minimum": parts.minimum[row][used & ~turning[row]].tolist(),
                "maximum": parts.maximum[row][used & ~turning[row]].tolist(),
                "last": parts.last[row][used].tolist(),
                "first": parts.first[row][used & counting[row]].tolist(),
                "mean": mean[row][used & ~turning[row]],
                "increase": np.array([]) if parts.increase is None else parts.increase[row][used & counting[row]],
                "resultant": np.array([]) if resultant is None else resultant[row][used & turning[row]],
                "reasons": sorted(flaws.get(row, [])),
            }
    return found


def _difference(there: _Row | None, wanted: _Row | None) -> str | None:
    if there is None:
        return "missing"
    if wanted is None:
        return "has no samples"
    for name, value in wanted.items():
        if isinstance(value, np.ndarray):
            if value.shape != there[name].shape or not np.allclose(value, there[name], rtol=_CLOSE, atol=1e-6):
                return f"{name}: {there[name].tolist()} where samples say {value.tolist()}"
        elif value != there[name]:
            return f"{name}: {there[name]} where samples say {value}"
    return None
