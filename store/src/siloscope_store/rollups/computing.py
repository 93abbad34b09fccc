"""Computing roll-ups: reading what a bucket is made of, folding it, writing it.

Every function runs inside a transaction of the caller, on a connection that `prepare` has seen.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from psycopg import AsyncConnection
from psycopg.sql import SQL, Composed, Identifier, Literal

from siloscope_store.rollups.copied import Integers, Samples, samples_of
from siloscope_store.rollups.folding import Parts, fold, parts_of
from siloscope_store.rollups.groups import Group
from siloscope_store.rollups.rows import at_of, encoded, joined, parts_of_rows, us_of
from siloscope_store.sample_rows import COPY_HEADER, COPY_TRAILER
from siloscope_store.samples import SampleTable
from siloscope_store.statements import statements

_SQL = statements("rollups.sql")
_WRITING = statements("samples.sql")
Connection = AsyncConnection[Any]

FIVE_MINUTES, HOUR = timedelta(minutes=5), timedelta(hours=1)
_HOUR_US = 3_600_000_000
_BLOCK_ROWS = 16_384
_HEADER_BYTES = 19
_GROUP, _TIME = slice(6, 10), slice(14, 22)
_WIDTHS = (4, 16, 32, 64, 128)


class Piece(NamedTuple):
    """A span of a group's samples."""

    group: Group
    begins: datetime
    ends: datetime


class Day(NamedTuple):
    """A local date and when it begins and ends."""

    day: date
    begins: datetime
    ends: datetime


async def prepare(connection: Connection) -> None:
    """Make the session's temporary table; once a connection, outside of any transaction.

    Old roll-ups are compressed as samples are: what repairs them may unpack as many as it takes.
    """
    await connection.execute(_SQL["prepare"])
    await connection.execute(_WRITING["allow_late"])


async def begin(connection: Connection) -> None:
    """Begin a transaction of roll-ups.

    It does not wait for the disk at its end: what a crash loses is computed once more. No samples are dropped under it.
    """
    await connection.execute(_SQL["not_durable"])
    await connection.execute(_SQL["keep_samples"])


async def write_from_samples(connection: Connection, pieces: Sequence[Piece], *strides: timedelta) -> None:
    """Compute buckets of five minutes, of hours, or both, from samples; pieces are whole buckets."""
    found: dict[timedelta, list[Parts]] = {stride: [] for stride in strides}
    async for parts in _folding(connection, pieces):
        for stride, made in found.items():
            made.append(fold(parts, _floor(parts.starts_us, stride), _kinds(pieces)))
    for stride, made in found.items():
        await _write(connection, stride, made, pieces)


async def write_hours(connection: Connection, groups: Sequence[Group], begins: datetime, ends: datetime) -> None:
    """Compute the hours of [begins, ends): from five minutes where a group has them, else from its samples."""
    fine = [group for group in groups if group.has_m5(begins)]
    if fine:
        kinds = {group.group_id: group.kinds for group in fine}
        rows = await rollup_rows(connection, "rollup_m5", list(kinds), begins, ends)
        if rows:
            parts = parts_of_rows(rows, kinds)
            hours = fold(parts, _floor(parts.starts_us, HOUR), kinds)
            await _write(connection, HOUR, [hours], [Piece(group, begins, ends) for group in fine])
    coarse = [Piece(group, begins, ends) for group in groups if not group.has_m5(begins)]
    if coarse:
        await write_from_samples(connection, coarse, HOUR)


async def write_days(connection: Connection, groups: Sequence[Group], days: Sequence[Day]) -> None:
    """Compute local dates that follow one another, from hours, and from samples where a date begins within an hour.

    Where the samples of such an hour are gone, all of it counts to the date in which it begins.
    """
    if not groups or not days:
        return
    kinds = {group.group_id: group.kinds for group in groups}
    starts = np.array([us_of(day.begins) for day in days])
    borders = [*starts.tolist(), us_of(days[-1].ends)]
    pieces = await _kept(connection, groups, _split_hours(borders))
    parts = await _hours_of(connection, groups, borders, pieces)
    cuts = np.array(sorted({*borders, *(us_of(at) for piece in pieces for at in (piece.begins, piece.ends))}))
    if pieces:
        async for fine in _folding(connection, pieces):
            parts.append(fold(fine, cuts[np.searchsorted(cuts, fine.starts_us, side="right") - 1], kinds))
    if not parts:
        return
    whole = joined(parts)
    place = np.searchsorted(starts, whole.starts_us, side="right") - 1
    midnights = np.array([us_of(datetime.fromisoformat(f"{day.day}T00:00:00+00:00")) for day in days])
    await _copy_in(connection, encoded(fold(whole, midnights[place], kinds), kinds))
    await connection.execute(_SQL["write_days"])
    await connection.execute(_SQL["empty_incoming"])


async def forget(connection: Connection, rollup: str, pieces: Sequence[Piece]) -> None:
    """Remove the buckets of these spans."""
    if pieces:
        await connection.execute(SQL(_SQL["forget_rollups"]).format(rollup=Identifier(rollup)), _bounds(pieces))


async def forget_days(connection: Connection, group_ids: Sequence[int], days: Sequence[date]) -> None:
    """Remove local dates of groups, given as two lists of one length."""
    await connection.execute(_SQL["forget_days"], {"group_ids": list(group_ids), "days": list(days)})


async def samples_between(connection: Connection, pieces: Sequence[Piece]) -> AsyncIterator[Samples]:
    """Give the samples of spans by group and time, each UTC hour of a group within one block."""
    for table in SampleTable:
        by_width: dict[int, list[Piece]] = defaultdict(list)
        for piece in sorted(pieces, key=lambda each: (each.group.group_id, each.begins)):
            if piece.group.table is table:
                by_width[sum(piece.group.width > width for width in _WIDTHS)].append(piece)
        for some in by_width.values():
            async for rows in _blocks(connection, _copy_statement(table, some)):
                yield _in_order(samples_of(rows))


async def _folding(connection: Connection, pieces: Sequence[Piece]) -> AsyncIterator[Parts]:
    kinds = _kinds(pieces)
    async for samples in samples_between(connection, pieces):
        yield parts_of(samples, kinds)


def _split_hours(borders: Sequence[int]) -> list[tuple[datetime, datetime]]:
    """Return the parts of hours that dates begin in, from the first border to the last."""
    hours = sorted({border // _HOUR_US * _HOUR_US for border in borders if border % _HOUR_US})
    cuts = sorted({*borders, *hours, *(hour + _HOUR_US for hour in hours)})
    within = [(begins, ends) for begins, ends in pairwise(cuts) if begins // _HOUR_US * _HOUR_US in hours]
    return [(at_of(begins), at_of(ends)) for begins, ends in within if borders[0] <= begins < borders[-1]]


async def _kept(
    connection: Connection, groups: Sequence[Group], spans: Sequence[tuple[datetime, datetime]]
) -> list[Piece]:
    """Return of which groups and spans all samples are there: never dropped, or put back."""
    pieces = [Piece(group, *span) for group in groups for span in spans]
    old = [piece for piece in pieces if not piece.group.keeps(piece.begins)]
    gone: set[tuple[int, datetime]] = set()
    if old:
        found = await connection.execute(_SQL["spans_without_samples"], _bounds(old))
        gone = set(await found.fetchall())
    return [piece for piece in pieces if (piece.group.group_id, piece.begins) not in gone]


async def _hours_of(
    connection: Connection, groups: Sequence[Group], borders: Sequence[int], from_samples: Sequence[Piece]
) -> list[Parts]:
    """Return hours as buckets, without those whose first part is computed from samples.

    An hour that begins before the first border is of the date before.
    """
    kinds = {group.group_id: group.kinds for group in groups}
    first = at_of(-(-borders[0] // _HOUR_US) * _HOUR_US)
    rows = await rollup_rows(connection, "rollup_hour", list(kinds), first, at_of(borders[-1]))
    replaced = {(piece.group.group_id, piece.begins) for piece in from_samples}
    kept = [row for row in rows if (row[0], row[1]) not in replaced]
    return [parts_of_rows(kept, kinds)] if kept else []


async def rollup_rows(
    connection: Connection, rollup: str, group_ids: list[int], begins: datetime, ends: datetime
) -> list[tuple[Any, ...]]:
    """Return rows of a roll-up table as `parts_of_rows` takes them."""
    statement = SQL(_SQL["read_rollups"]).format(rollup=Identifier(rollup))
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(statement, {"group_ids": group_ids, "begins": begins, "ends": ends})
        return await cursor.fetchall()


async def _write(connection: Connection, stride: timedelta, made: Sequence[Parts], pieces: Sequence[Piece]) -> None:
    rollup = "rollup_m5" if stride == FIVE_MINUTES else "rollup_hour"
    kinds = _kinds(pieces)
    rows = [row for parts in made for row in encoded(parts, kinds)]
    if not rows:
        return
    times = {at_of(start) for parts in made for start in _days(parts)}
    await connection.execute(_SQL["make_room"], {"rollup": rollup, "times": sorted(times)})
    await _copy_in(connection, rows)
    await connection.execute(SQL(_SQL["write_rollups"]).format(rollup=Identifier(rollup)))
    await connection.execute(_SQL["empty_incoming"])


def _days(parts: Parts) -> list[int]:
    """Return a time out of every day that buckets fall into."""
    day = 24 * _HOUR_US
    return [int(start) for start in np.unique(parts.starts_us // day) * day]


async def _copy_in(connection: Connection, rows: Sequence[bytes]) -> None:
    async with connection.cursor() as cursor, cursor.copy(_SQL["copy_rollups"]) as copy:
        await copy.write(b"".join((COPY_HEADER, *rows, COPY_TRAILER)))


def _copy_statement(table: SampleTable, pieces: Sequence[Piece]) -> Composed:
    return SQL(_SQL["copy_samples"]).format(
        table=Identifier(table.value), **{name: Literal(value) for name, value in _bounds(pieces).items()}
    )


def _bounds(pieces: Sequence[Piece]) -> dict[str, Any]:
    return {
        "group_ids": [piece.group.group_id for piece in pieces],
        "begins": [piece.begins for piece in pieces],
        "ends": [piece.ends for piece in pieces],
        "earliest": min(piece.begins for piece in pieces),
        "latest": max(piece.ends for piece in pieces),
    }


async def _blocks(connection: Connection, statement: Composed) -> AsyncIterator[list[bytes]]:
    """Give rows in blocks of some thousand that never part an hour of a group."""
    rows: list[bytes] = []
    enough = _BLOCK_ROWS
    async for arrived in _copied(connection, statement):
        rows += arrived
        if len(rows) >= enough:
            cut = _last_hour(rows)
            if cut:
                yield rows[:cut]
                rows = rows[cut:]
            enough = len(rows) + _BLOCK_ROWS
    if rows:
        yield rows


async def _copied(connection: Connection, statement: Composed) -> AsyncIterator[list[bytes]]:
    first = True
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        while data := await copy.read():
            row = bytes(data)
            if first:
                first, row = False, row[_HEADER_BYTES:]
            rows = [row]
            # What has arrived is taken without asking the event loop once a row; the end is left to psycopg.
            while rows[-1] != COPY_TRAILER:
                size, data = connection.pgconn.get_copy_data(1)
                if size <= 0:
                    break
                rows.append(bytes(data))
            yield [row for row in rows if row and row != COPY_TRAILER]


def _last_hour(rows: Sequence[bytes]) -> int:
    """Return where the rows of the last group's last hour begin."""

    def key(row: bytes) -> tuple[bytes, int]:
        return row[_GROUP], int.from_bytes(row[_TIME], "big", signed=True) // _HOUR_US

    last = key(rows[-1])
    at = len(rows)
    while at and key(rows[at - 1]) == last:
        at -= 1
    return at


def _in_order(samples: Samples) -> Samples:
    """Return samples by group and time, as they nearly always come."""
    ids, times = samples.group_ids, samples.times_us
    if bool(((ids[1:] > ids[:-1]) | ((ids[1:] == ids[:-1]) & (times[1:] > times[:-1]))).all()):
        return samples
    raise AssertionError("the server gave samples in another order than asked for")


def _floor(times_us: Integers, stride: timedelta) -> Integers:
    length = stride // timedelta(microseconds=1)
    return times_us // length * length


def _kinds(pieces: Sequence[Piece]) -> dict[int, Any]:
    return {piece.group.group_id: piece.group.kinds for piece in pieces}
