"""The transactional outbox: what follows from a transition is written with it, and sent by whoever holds the term.

A message is enqueued once (its dedup key is unique) and delivered at least once: it is claimed in a transaction of its
own before it is handed to a service, so that of a sender that was killed only the claimed one is sent again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from siloscope_store.statements import statements

_SQL = statements("notify_outbox.sql")
Connection = AsyncConnection[Any]
Result = Literal["delivered", "retry", "refused"]


class NewNotification(msgspec.Struct, frozen=True, kw_only=True):
    """A message to be sent.

    Attributes:
        notification_id: Made of the dedup key: the same message has the same id wherever it is made.
        due_at: Not before; what is due in the past is due now.
    """

    notification_id: UUID
    dedup_key: str
    org_id: int
    channel_id: int
    kind: str
    severity: str
    due_at: datetime
    payload: Mapping[str, Any]
    incident_id: int | None = None
    route_id: int | None = None
    step: int = 0


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A message whose attempt is written down and under way.

    Attributes:
        number: Of this attempt, from 1.
        age_s: Since it was enqueued.
    """

    notification_id: UUID
    number: int
    org_id: int
    channel_id: int
    incident_id: int | None
    route_id: int | None
    step: int
    kind: str
    severity: str
    payload: dict[str, Any]
    enqueued_at: datetime
    age_s: float


class Failing(msgspec.Struct, frozen=True):
    """How a channel does after an attempt: since None it does not fail."""

    since: datetime | None
    for_s: float


class Held(msgspec.Struct, frozen=True):
    """A message that was held back, and how many there are together."""

    notification_id: UUID
    kind: str
    severity: str
    payload: dict[str, Any]
    together: int


async def enqueue(connection: Connection, rows: Sequence[NewNotification]) -> int:
    """Write messages, in the caller's transaction; return how many of them were new."""
    if not rows:
        return 0
    columns = {f"{name}s": [getattr(row, name) for row in rows] for name in NewNotification.__struct_fields__}
    columns["severities"] = columns.pop("severitys")
    columns["payloads"] = [Jsonb(dict(row.payload), dumps=_dumps) for row in rows]
    return len(await (await connection.execute(_SQL["enqueue"], columns)).fetchall())


async def claim(connection: Connection, channel_id: int, term: int) -> Claimed | None:
    """Take a channel's next message for an attempt; the connection is in autocommit mode.

    Returns:
        None where nothing is due, or where the term is no longer the evaluator's.
    """
    async with (
        connection.pipeline(),
        connection.transaction(),
        connection.cursor(row_factory=class_row(Claimed)) as rows,
    ):
        await connection.execute(_SQL["lightly"])
        await rows.execute(_SQL["claim"], {"channel_id": channel_id, "term": term})
        return await rows.fetchone()


async def release(connection: Connection, channel_id: int, term: int) -> int:
    """Queue again what this term claimed on a channel, where no attempt is under way; return how many."""
    released = await connection.execute(_SQL["release"], {"channel_id": channel_id, "term": term})
    return released.rowcount


async def record(
    connection: Connection,
    claimed: Claimed,
    term: int,
    outcome: Result,
    detail: str = "",
    *,
    retry_in_s: float | None = None,
) -> Failing | None:
    """Write down how an attempt ended.

    Args:
        connection: In autocommit mode, or in a transaction.
        claimed: The message, as it was claimed.
        term: As it was claimed with.
        outcome: `refused`, and `retry` without another try, give the message up.
        detail: What the service said, without secrets.
        retry_in_s: When it may be tried again.

    Returns:
        How the channel does; None where another evaluator has taken the message over.
    """
    again = outcome == "retry" and retry_in_s is not None
    told = {
        "notification_id": claimed.notification_id,
        "number": claimed.number,
        "term": term,
        "outcome": outcome,
        "detail": detail,
        "state": "delivered" if outcome == "delivered" else "queued" if again else "given_up",
        "retry_in_s": retry_in_s or 0.0,
    }
    row = await (await connection.execute(_SQL["record"], told)).fetchone()
    return None if row is None else Failing(*row)


async def hold(connection: Connection, channel_id: int, term: int, exempt: Sequence[str]) -> int:
    """Hold back what is due on a channel, but critical messages and exempt kinds; return how many."""
    asked = {"channel_id": channel_id, "term": term, "exempt": list(exempt)}
    row = await (await connection.execute(_SQL["hold"], asked)).fetchone()
    return 0 if row is None else int(row[0])


async def held_since(connection: Connection, channel_id: int) -> tuple[datetime, float] | None:
    """Return since when, and for how many seconds, a channel holds messages that no summary told."""
    row = await (await connection.execute(_SQL["held_since"], {"channel_id": channel_id})).fetchone()
    return None if row is None else (row[0], row[1])


async def held(connection: Connection, channel_id: int, since: datetime, limit: int) -> list[Held]:
    """Return what is held since then, oldest first, at most `limit` of them."""
    async with connection.cursor(row_factory=class_row(Held)) as rows:
        await rows.execute(_SQL["held"], {"channel_id": channel_id, "since": since, "limit": limit})
        return await rows.fetchall()


async def summarised(connection: Connection, channel_id: int) -> None:
    """Note, in the transaction that enqueues the summary, that it tells all that is held."""
    await connection.execute(_SQL["summarised"], {"channel_id": channel_id})


async def lately_delivered(connection: Connection, channel_id: int) -> list[float]:
    """Return how many seconds ago each message of the last hour went out, oldest first."""
    found = await connection.execute(_SQL["lately_delivered"], {"channel_id": channel_id})
    return [row[0] for row in await found.fetchall()]


async def give_up_removed(connection: Connection) -> int:
    """Give up what waits for channels that were removed; return how many."""
    return (await connection.execute(_SQL["give_up_removed"])).rowcount


async def waiting(connection: Connection, channel_id: int) -> int:
    """Return how many messages of a channel are not yet out."""
    row = await (await connection.execute(_SQL["waiting"], {"channel_id": channel_id})).fetchone()
    return 0 if row is None else int(row[0])


def _dumps(payload: object) -> bytes:
    return msgspec.json.encode(payload)
