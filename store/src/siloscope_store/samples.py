"""Where samples are written: one row each, twice the same is harmless, what is there is never overwritten.

Every function runs inside a transaction of the caller, on a connection that `prepare` has seen. Rows are those of
`sample_rows`, ascending.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.sql import SQL, Composed, Identifier

from siloscope_process.clock import from_ms, to_ms
from siloscope_store.sample_rows import COPY_HEADER, COPY_TRAILER, Codes, Values, incoming
from siloscope_store.statements import statements

_SQL = statements("samples.sql")
Connection = AsyncConnection[Any]

SPAN_MS = 7 * 86_400_000
"""Length of a chunk or partition; they begin at multiples of it since 1970."""

IN_TIME_MS = 60_000
"""A sample that comes within this after its time is never late; of a slow group, within two of its intervals."""

OVERTAKEN_MS = 600_000
"""A sample that comes within this, and after a newer one of its group, is counted in `latest` (`merge_latest`)."""

MOST_NEW_SPANS = 8
"""A transaction opens at most this many: thousands would exhaust the server's lock table."""

MANY = 500
"""From so many fresh rows on it is worth writing all once more where one is there, not to look for each beforehand."""

OUT_OF_WINDOW, FAR_WEEK = "out_of_window", "far_week"
"""Why a sample is undated."""


class SampleTable(StrEnum):
    """The table of a retention class."""

    MEASUREMENTS = "sample"
    VITALS = "sample_vitals"


@dataclass(frozen=True)
class Difference:
    """A second value for an element that has one; `kept` stands, `other` goes to sample_conflict."""

    group_id: int
    time_ms: int
    position: int
    kept_value: float | None
    kept_quality: int
    other_value: float | None
    other_quality: int


class Origin(NamedTuple):
    """The pack that brought a value; a plain device's has no number."""

    epoch: str | None
    seq: int | None


UNKNOWN_ORIGIN = Origin(None, None)


@dataclass(frozen=True)
class Conflict:
    """A difference, and who said what."""

    found: Difference
    kept: Origin
    other: Origin


@dataclass(frozen=True)
class Written:
    """What became of the rows of one table."""

    new: int
    differences: Sequence[Difference] = ()


@dataclass(frozen=True)
class Undated:
    """A sample whose time cannot be believed."""

    org_id: int
    node_id: int
    group_id: int
    time_ms: int
    values: Values
    quality: Codes | None
    epoch: str | None
    seq: int | None
    arrived_at: datetime
    reason: str = OUT_OF_WINDOW


async def prepare(connection: Connection) -> None:
    """Make the session's temporary tables; once a connection, outside of any transaction."""
    for table in SampleTable:
        await connection.execute(_statement("prepare_samples", table))
    await connection.execute(_SQL["prepare_latest"])
    await connection.execute(_SQL["allow_late"])


async def make_room(connection: Connection, table: SampleTable, spans: Sequence[int]) -> None:
    """Open the spans (numbers since 1970, of `SPAN_MS` each) that rows will fall into; at most `MOST_NEW_SPANS`."""
    times = [from_ms(span * SPAN_MS) for span in spans]
    await connection.execute(_SQL["make_room"], {"table": table.value, "times": times})


async def write(
    connection: Connection,
    table: SampleTable,
    rows: Sequence[bytes],
    *,
    late_at_ms: int | None = None,
    others: Sequence[bytes] = (),
    fresh: bool = False,
) -> Written:
    """Insert rows that are ascending and have one key each.

    Args:
        connection: In a transaction.
        table: Where to.
        rows: What, those of `incoming`.
        late_at_ms: When they arrived, where some of them may be late: those are counted. None costs nothing.
        others: More rows of the same keys, in any order, not those of `incoming`, that fill no element which `rows`
            leave empty. They are not written, only compared with what is kept.
        fresh: None of `rows` is expected to be there.

    Raises:
        UniqueViolation: One of `fresh` rows is there: the whole transaction is to be done again, without that word. A
            savepoint would spare that, but rows bear the number of theirs, which no snapshot lists.
    """
    await bring(connection, table, rows)
    new = await _insert(connection, table, late_at_ms, fresh=fresh and len(rows) >= MANY)
    if new < len(rows):
        await connection.execute(_statement("fill_samples", table))
    if others:
        await bring(connection, table, incoming(others))
    elif new == len(rows):
        return Written(new)
    found = await connection.execute(_statement("differing_samples", table))
    differences = (Difference(row[0], to_ms(row[1]), *row[2:]) for row in await found.fetchall())
    return Written(new, list(dict.fromkeys(differences)))


async def bring(connection: Connection, table: SampleTable, rows: Sequence[bytes]) -> None:
    """Copy rows of `incoming` into the temporary table from which `write` and `write_latest` take them."""
    await _copy(connection, _statement("copy_samples", table), rows)


async def _insert(connection: Connection, table: SampleTable, late_at_ms: int | None, *, fresh: bool) -> int:
    if late_at_ms is None:
        name = "insert_fresh" if fresh else "insert_samples"
        return (await connection.execute(_statement(name, table))).rowcount
    statement = _statement("insert_and_count_late", table)
    row = await (await connection.execute(statement, {"arrived_at": from_ms(late_at_ms)})).fetchone()
    assert row is not None
    return int(row[0])


async def copy_directly(connection: Connection, table: SampleTable, rows: Sequence[bytes]) -> None:
    """Copy rows straight into a table: what benchmarks compare with, for it refuses a row that is there already."""
    await _copy(connection, _statement("copy_directly", table), rows)


async def count(connection: Connection, table: SampleTable) -> int:
    """Return how many samples a table holds."""
    row = await (await connection.execute(_statement("count", table))).fetchone()
    assert row is not None
    return int(row[0])


async def write_latest(
    connection: Connection, rows: Sequence[bytes], newest: int = 0, tables: Sequence[SampleTable] = ()
) -> None:
    """Bring `latest` up to date, per element newest by the element's own time.

    Args:
        connection: In a transaction.
        rows: Those of `latest_row`, ascending by group.
        newest: How many rows were brought as the newest of their groups, which are not among `rows`.
        tables: For which tables those were brought.
    """
    came = _came(tables)
    if rows:
        await _copy(connection, SQL(_SQL["copy_latest"]), rows)
    if rows and newest:
        await connection.execute(SQL(_SQL["lock_latest"]).format(came=came))
    if rows:
        await connection.execute(_SQL["merge_latest"])
    if newest:
        replaced = await connection.execute(SQL(_SQL["replace_latest"]).format(came=came))
        if replaced.rowcount < newest:
            await connection.execute(_SQL["empty_latest"])
            await connection.execute(SQL(_SQL["newest_as_latest"]).format(came=came))
            await connection.execute(_SQL["merge_latest"])


@lru_cache
def _came(tables: Sequence[SampleTable]) -> Composed:
    """Return the newest samples that were brought, in order of their groups."""
    each = [_statement("newest_samples", table) for table in tables]
    return each[0] if len(each) == 1 else SQL(_SQL["newest_in_order"]).format(came=SQL(" UNION ALL ").join(each))


async def keep_conflicts(connection: Connection, conflicts: Sequence[Conflict]) -> None:
    """Keep the second values beside the first, with the packs that brought them."""
    if not conflicts:
        return
    rows = [
        {
            "group_id": each.found.group_id,
            "time": from_ms(each.found.time_ms),
            "position": each.found.position,
            "kept_value": each.found.kept_value,
            "kept_quality": each.found.kept_quality,
            "kept_epoch": uuid_of(each.kept.epoch),
            "kept_seq": each.kept.seq,
            "other_value": each.found.other_value,
            "other_quality": each.found.other_quality,
            "other_epoch": uuid_of(each.other.epoch),
            "other_seq": each.other.seq,
        }
        for each in conflicts
    ]
    await connection.execute(_SQL["keep_conflicts"], _columns(rows))


async def keep_undated(connection: Connection, samples: Sequence[Undated]) -> None:
    """Keep samples whose time is out of the believable range; those of one pack in one call."""
    if not samples:
        return
    newest_ms: dict[tuple[int, str | None, int | None, datetime], int] = {}
    for each in samples:
        pack = (each.node_id, each.epoch, each.seq, each.arrived_at)
        newest_ms[pack] = max(each.time_ms, newest_ms.get(pack, each.time_ms))
    rows = [
        {
            "org_id": each.org_id,
            "node_id": each.node_id,
            "group_id": each.group_id,
            "time_ms": each.time_ms,
            "values": _array_text(each.values),
            "quality": None if each.quality is None else _array_text(each.quality),
            "epoch": uuid_of(each.epoch),
            "seq": each.seq,
            "arrived_at": each.arrived_at,
            "reason": each.reason,
            "pack_newest_ms": newest_ms[each.node_id, each.epoch, each.seq, each.arrived_at],
        }
        for each in samples
    ]
    await connection.execute(_SQL["keep_undated"], _columns(rows))


@lru_cache(maxsize=1024)
def uuid_of(epoch: str | None) -> UUID | None:
    """Return an epoch as the database keeps it."""
    return None if epoch is None else UUID(hex=epoch)


async def _copy(connection: Connection, statement: SQL | Composed, rows: Sequence[bytes]) -> None:
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(b"".join((COPY_HEADER, *rows, COPY_TRAILER)))


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return parameters for one statement over all rows, a list for each column."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def _array_text(elements: Sequence[float | None]) -> str:
    return "{" + ",".join("NULL" if each is None else repr(each) for each in elements) + "}"


def _statement(name: str, table: SampleTable) -> Composed:
    return SQL(_SQL[name]).format(table=Identifier(table.value), incoming=Identifier(f"incoming_{table.value}"))
