"""Where messages are kept that could not be taken as they came, each with its reason; repeats are only counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from siloscope_contract.errors import MalformedPack
from siloscope_contract.packs import decode
from siloscope_process.clock import to_ms
from siloscope_store import incoming
from siloscope_store.samples import uuid_of
from siloscope_store.statements import columns, statements

_SQL = statements("quarantine.sql")
_LONGEST_DETAIL = 2000
_LONGEST_TOPIC = 1000
"""Longer than any of ours can be, and short enough for the index that tells messages apart."""
_KEPT = (*("int4",) * 2, "text", "bytea", *("text",) * 2, "uuid", "int8", "bytea", "timestamptz", "int4", "timestamptz")
_COUNTED = ("org_ids", "node_ids", "ats", "reasons", "messages", "bytes", "minutes")


@dataclass(frozen=True)
class Quarantined:
    """A message and why it is here; organisation and node only where they are known."""

    topic: str
    payload: bytes
    reason: str
    detail: str
    received_at: datetime
    org_id: int | None = None
    node_id: int | None = None
    epoch: str | None = None
    seq: int | None = None


class BatchNumber(NamedTuple):
    """What a batch is known by, however often it is tried: its writer, one from start to end, and its number there."""

    writer: UUID
    number: int


async def is_uncounted(connection: AsyncConnection[Any], batch: BatchNumber) -> bool:
    """Note that a batch's refused messages are counted, inside the transaction that counts them.

    Returns:
        False where they are: the batch was committed, and the answer to that was lost.
    """
    return await (await connection.execute(_SQL["count_once"], batch._asdict())).fetchone() is not None


async def keep(connection: AsyncConnection[Any], messages: Sequence[Quarantined]) -> None:
    """Keep messages, inside a transaction of the caller."""
    same: dict[tuple[bytes, str, str], list[Quarantined]] = {}
    for each in messages:
        same.setdefault((_digest(each), _storable(each.topic)[:_LONGEST_TOPIC], each.reason), []).append(each)
    rows = [
        (
            first.org_id,
            first.node_id,
            topic,
            first.payload,
            reason,
            _storable(first.detail)[:_LONGEST_DETAIL],
            uuid_of(first.epoch),
            first.seq,
            digest,
            first.received_at,
            1 + len(again),
            max((each.received_at for each in again), default=None),
        )
        for (digest, topic, reason), (first, *again) in same.items()
    ]
    await incoming.write(connection, _SQL, "keep", _KEPT, rows)


@dataclass(frozen=True)
class Withheld:
    """A refused message that is only counted: its node has filled its share of the minute."""

    org_id: int | None
    node_id: int | None
    at: datetime
    reason: str
    size_bytes: int


@dataclass(frozen=True)
class Replayed:
    """What became of a message that was tried again.

    Attributes:
        quarantine_id: Its row.
        refused: Why it is refused again; None where it was taken.
        number: Node, epoch and number, where it has one.
        is_refused_number: Whether that number stays refused.
    """

    quarantine_id: int
    refused: Quarantined | None
    number: tuple[int, str, int] | None = None
    is_refused_number: bool = False


async def count_withheld(connection: AsyncConnection[Any], messages: Sequence[Withheld]) -> None:
    """Count messages that are not kept, by node, hour and reason; noted are the minutes in which they came."""
    counted: dict[tuple[int, int, datetime, str], list[int]] = {}
    for each in messages:
        hour = each.at.replace(minute=0, second=0, microsecond=0)
        sums = counted.setdefault((each.org_id or 0, each.node_id or 0, hour, each.reason), [0, 0, 0])
        sums[0] += 1
        sums[1] += each.size_bytes
        sums[2] |= 1 << each.at.minute
    rows = [(org or None, node or None, at, reason, *sums) for (org, node, at, reason), sums in sorted(counted.items())]
    await connection.execute(_SQL["count_withheld"], columns(_COUNTED, rows))


async def lock_replays(connection: AsyncConnection[Any]) -> bool:
    """Say whether this session is the one that tries messages again, from now on until it ends."""
    row = await (await connection.execute(_SQL["try_lock_replays"])).fetchone()
    return row is not None and bool(row[0])


async def due_replays(
    connection: AsyncConnection[Any], under_way: Sequence[int], limit: int
) -> list[tuple[int, str, bytes, datetime]]:
    """Return messages that are to be tried again: id, topic, payload and when they came."""
    found = await connection.execute(_SQL["due_replays"], {"under_way": list(under_way), "limit": limit})
    return [(row[0], row[1], bytes(row[2]), row[3]) for row in await found.fetchall()]


async def settle_replays(connection: AsyncConnection[Any], replays: Sequence[Replayed]) -> None:
    """Take out what was taken at last, and note why the rest was not; in the transaction that stores the samples."""
    for each in sorted(replays, key=lambda each: each.quarantine_id):
        key: dict[str, Any] = {"id": each.quarantine_id}
        if each.refused is None:
            await connection.execute(_SQL["release"], key)
        else:
            detail = _storable(each.refused.detail)[:_LONGEST_DETAIL]
            key |= {"reason": each.refused.reason, "detail": detail}
            if (await connection.execute(_SQL["refuse_again"], key)).rowcount == 0:
                await connection.execute(_SQL["refused_already"], key)
        if each.number is not None:
            node_id, epoch, seq = each.number
            key |= {"node_id": node_id, "epoch": uuid_of(epoch), "seq": seq}
            await connection.execute(_SQL["change_refusal" if each.is_refused_number else "forget_refusal"], key)


async def is_overtaken(connection: AsyncConnection[Any], quarantine_id: int, node_id: int) -> bool:
    """Say whether a birth has come from a node since it sent this message last."""
    parameters = {"id": quarantine_id, "node_id": node_id}
    row = await (await connection.execute(_SQL["is_overtaken"], parameters)).fetchone()
    return row == (True,)


def _digest(of: Quarantined) -> bytes:
    """Return what tells a message from others: its bytes, and when it came where it has no times of its own.

    A device that says the same value every minute says something new each time.
    """
    try:
        pack = decode(of.payload, received_ms=to_ms(of.received_at))
    except MalformedPack:
        return sha256(of.payload).digest()
    came = str(to_ms(of.received_at)).encode() if pack.relative and not pack.refusals else b""
    return sha256(of.payload + came).digest()


def _storable(text: str) -> str:
    """Return text without what PostgreSQL cannot store: NUL, and halves of surrogate pairs."""
    return text.replace("\x00", "␀").encode("utf-8", "replace").decode("utf-8")
