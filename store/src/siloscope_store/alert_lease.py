"""The lease on evaluating alerts: one row that a single evaluator holds at a time, on the database's clock."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection

from siloscope_store.statements import statements

_SQL = statements("alert_lease.sql")
Connection = AsyncConnection[Any]


class Holder(msgspec.Struct, frozen=True):
    """Who evaluates.

    Attributes:
        term: Of this holder; each has a higher one than the one before.
        holder: Its name; None where nobody ever evaluated.
        held: Whether the lease still runs.
    """

    term: int
    holder: str | None
    held: bool


class Progress(msgspec.Struct, frozen=True):
    """How far evaluation has come.

    Attributes:
        cursor: Of the feed; None where nothing was evaluated yet.
        evaluated_to: Up to when absence was judged.
        now: The server's clock.
    """

    cursor: str | None
    evaluated_to: datetime | None
    now: datetime


async def take(connection: Connection, holder: str, lease_s: float) -> int | None:
    """Become the evaluator where nobody is; return the term, or None where somebody holds the lease."""
    row = await (await connection.execute(_SQL["take"], {"holder": holder, "lease_s": lease_s})).fetchone()
    return None if row is None else int(row[0])


async def renew(connection: Connection, term: int, lease_s: float) -> bool:
    """Prolong the lease; return False where a later term began."""
    return (await connection.execute(_SQL["renew"], {"term": term, "lease_s": lease_s})).rowcount == 1


async def release(connection: Connection, term: int) -> None:
    """Let the next one begin at once."""
    await connection.execute(_SQL["release"], {"term": term})


async def holder(connection: Connection) -> Holder:
    """Return who evaluates."""
    row = await (await connection.execute(_SQL["holder"])).fetchone()
    assert row is not None
    return Holder(*row)


async def progress(connection: Connection) -> Progress:
    """Return how far evaluation has come."""
    row = await (await connection.execute(_SQL["progress"])).fetchone()
    assert row is not None
    return Progress(*row)


async def advance(connection: Connection, term: int, lease_s: float, *, cursor: str, evaluated_to: datetime) -> bool:
    """Note how far this evaluator has come, and prolong its lease; return False where a later term began."""
    parameters = {"term": term, "lease_s": lease_s, "cursor": cursor, "evaluated_to": evaluated_to}
    return await (await connection.execute(_SQL["advance"], parameters)).fetchone() is not None


async def commit_lightly(connection: Connection) -> None:
    """Let the transaction under way be committed without waiting for the disk: it says where a round stopped."""
    await connection.execute(_SQL["lightly"])
