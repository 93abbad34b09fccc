"""Where messages are kept that could not be taken as they came, each with its reason; repeats are only counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from psycopg import AsyncConnection

from siloscope_store.samples import uuid_of
from siloscope_store.statements import statements

_SQL = statements("quarantine.sql")
_LONGEST_DETAIL = 2000


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


async def keep(connection: AsyncConnection[Any], messages: Sequence[Quarantined]) -> None:
    """Keep messages, inside a transaction of the caller."""
    rows = [
        {
            "org_id": each.org_id,
            "node_id": each.node_id,
            "topic": _storable(each.topic),
            "payload": each.payload,
            "reason": each.reason,
            "detail": _storable(each.detail)[:_LONGEST_DETAIL],
            "epoch": uuid_of(each.epoch),
            "seq": each.seq,
            "payload_sha256": sha256(each.payload).digest(),
            "received_at": each.received_at,
        }
        for each in messages
    ]
    # Always in the same order, so that two writers that keep the same messages wait for each other at most.
    rows.sort(key=lambda row: (row["payload_sha256"], row["topic"], row["reason"]))
    async with connection.cursor() as cursor:
        await cursor.executemany(_SQL["keep"], rows)


def _storable(text: str) -> str:
    """Return text without what PostgreSQL cannot store: NUL, and halves of surrogate pairs."""
    return text.replace("\x00", "␀").encode("utf-8", "replace").decode("utf-8")
