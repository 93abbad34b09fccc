"""The ledger of numbers: which of an epoch are accounted for, which were refused, which are declared absent.

Every function runs inside a transaction of the caller, on a connection that `prepare` has seen; `account` comes last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from struct import Struct
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from siloscope_store import incoming
from siloscope_store.ranges import Range, folded, merged
from siloscope_store.sample_rows import COPY_HEADER, COPY_TRAILER, multirange
from siloscope_store.samples import uuid_of
from siloscope_store.statements import statements

_SQL = statements("ledger.sql")
_HEAD = Struct(">hiii16s")  # field count, node_id, then the epoch, each with its length
Connection = AsyncConnection[Any]

_REFUSED = ("int4", "uuid", "int8", "text", "text", "timestamptz")
_GAPS = (
    *("int4", "int4", "text", "uuid", "int8", "int8", "timestamptz", "timestamptz"),
    *("text", "int8", "text", "uuid", "int8", "int4"),
)

MOST_RANGES = 1000
"""An epoch's row keeps at most about this many ranges: an update costs 5 ms with 1 000, 143 ms with 100 000."""

KEPT_WHEN_FOLDING = 500

MOST_EPOCHS, KEPT_EPOCHS = 100_000, 90_000
"""A node with more epochs than the first keeps so many: one that starts every five minutes has them after a year."""


@dataclass(frozen=True)
class RefusedNumber:
    """A pack that was refused: its number is accounted for, so that it never blocks the watermark.

    Attributes:
        at: When it came; None = now.
    """

    node_id: int
    epoch: str
    seq: int
    reason: str
    detail: str
    at: datetime | None = None


@dataclass(frozen=True)
class GapRecord:
    """What a node declares absent, with the pack that said so and its place in that pack."""

    org_id: int
    node_id: int
    kind: str
    from_time: datetime
    to_time: datetime
    epoch: str | None
    first_seq: int | None
    last_seq: int | None
    device: str | None
    count: int | None
    detail: str
    recorded_epoch: str | None
    recorded_seq: int | None
    recorded_index: int


@dataclass(frozen=True)
class Declared:
    """How far a node says that an epoch has come, the oldest number still in its spool, and what times it owes."""

    node_id: int
    epoch: str
    next: int
    oldest: int
    session: str
    owed_from: datetime | None = None
    owed_to: datetime | None = None


async def prepare(connection: Connection) -> None:
    """Make the session's temporary table; once a connection, outside of any transaction."""
    await connection.execute(_SQL["prepare_accounted"])


def accounted_rows(ranges: Mapping[tuple[int, str], Sequence[Range]]) -> list[bytes]:
    """Return rows for `account`, ascending: half-open ranges of numbers of (node_id, epoch)."""
    return [
        _HEAD.pack(3, 4, node_id, 16, bytes.fromhex(epoch)) + multirange(of_epoch)
        for (node_id, epoch), of_epoch in sorted(ranges.items())
    ]


async def account(connection: Connection, rows: Sequence[bytes]) -> None:
    """Account for the numbers of `accounted_rows`; the last statement of a transaction that stores samples."""
    async with connection.cursor() as cursor:
        async with cursor.copy(_SQL["copy_accounted"]) as copy:
            await copy.write(b"".join((COPY_HEADER, *rows, COPY_TRAILER)))
        await cursor.execute(_SQL["account"], {"most": MOST_RANGES})
        for node_id, epoch in await cursor.fetchall():
            await fold(connection, node_id, epoch)


async def fold(connection: Connection, node_id: int, epoch: UUID) -> None:
    """Move all but an epoch's newest ranges to the table of folded ones, and those back that fit again."""
    key: dict[str, Any] = {"node_id": node_id, "epoch": epoch}
    async with connection.cursor() as cursor:
        await cursor.execute(_SQL["ranges"], key)
        row = await cursor.fetchone()
        await cursor.execute(_SQL["folded_ranges"], key)
        older = [(first, end) for first, end in await cursor.fetchall()]
        everything = merged([*older, *((first, end) for first, end in (row[0] if row else []))])
        old, kept = folded(everything, KEPT_WHEN_FOLDING)
        await cursor.execute(_SQL["set_ranges"], {**key, **_columns(kept)})
        await cursor.execute(_SQL["empty_folded"], key)
        await cursor.execute(_SQL["fold_ranges"], {**key, **_columns(old)})


async def epochs_begun(connection: Connection) -> int:
    """Return how many epochs were ever begun, in all, since the server counts; it may be behind by a minute."""
    row = await (await connection.execute(_SQL["epochs_begun"])).fetchone()
    assert row is not None
    return int(row[0])


async def crowded_nodes(connection: Connection) -> list[int]:
    """Return the nodes that have more than `MOST_EPOCHS` epochs."""
    found = await connection.execute(_SQL["crowded_nodes"], {"most": MOST_EPOCHS})
    return [node_id for (node_id,) in await found.fetchall()]


async def forget_epochs(connection: Connection, node_id: int, *, limit: int) -> int:
    """Forget a node's epochs beyond `KEPT_EPOCHS`, those heard of longest ago; a line in the audit trail says how many.

    Their samples stay.

    Returns:
        How many went, at most `limit`. Those that were heard of at the same time as one that is kept stay.
    """
    asked = {"node_id": node_id, "kept": KEPT_EPOCHS, "limit": limit}
    row = await (await connection.execute(_SQL["forget_epochs"], asked)).fetchone()
    assert row is not None
    return int(row[0])


async def refuse(connection: Connection, numbers: Sequence[RefusedNumber]) -> None:
    """List refused numbers with their reasons."""
    rows = [
        (each.node_id, uuid_of(each.epoch), each.seq, each.reason, each.detail.replace("\x00", "␀"), each.at)
        for each in numbers
    ]
    await incoming.write(connection, _SQL, "refuse", _REFUSED, rows)


async def record_gaps(connection: Connection, gaps: Sequence[GapRecord]) -> None:
    """Keep gap records; a redelivered pack adds none."""
    rows = [
        (
            each.org_id,
            each.node_id,
            each.kind,
            uuid_of(each.epoch),
            each.first_seq,
            each.last_seq,
            each.from_time,
            each.to_time,
            each.device,
            each.count,
            each.detail.replace("\x00", "␀"),
            uuid_of(each.recorded_epoch),
            each.recorded_seq,
            each.recorded_index,
        )
        for each in gaps
    ]
    await incoming.write(connection, _SQL, "record_gaps", _GAPS, rows)


async def declare(connection: Connection, declared: Sequence[Declared]) -> None:
    """Note what births and heartbeats say of their epochs; makes an epoch known before its first pack is."""
    await connection.execute(
        _SQL["declare"],
        {
            "node_ids": [each.node_id for each in declared],
            "epochs": [uuid_of(each.epoch) for each in declared],
            "nexts": [each.next for each in declared],
            "oldests": [each.oldest for each in declared],
            "sessions": [each.session for each in declared],
            "owed_froms": [each.owed_from for each in declared],
            "owed_tos": [each.owed_to for each in declared],
        },
    )


async def accounted_total(connection: Connection) -> int:
    """Return how many numbers of all nodes are accounted for, folded ones aside."""
    row = await (await connection.execute(_SQL["accounted_total"])).fetchone()
    assert row is not None
    return int(row[0])


def _columns(ranges: Sequence[Range]) -> dict[str, list[int]]:
    return {"firsts": [first for first, _ in ranges], "ends": [end for _, end in ranges]}
