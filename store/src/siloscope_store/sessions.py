"""What other sessions of the same user are at, asked by one whose own connection works."""

from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from siloscope_store.statements import statements

_SQL = statements("sessions.sql")
Connection = AsyncConnection[Any]


@dataclass(frozen=True)
class Doing:
    """What a session is at.

    Attributes:
        works: The server works on something for it, or waits for a lock; neither waits for its client nor is idle.
        since: Changes whenever it begins or ends something.
    """

    works: bool
    since: str


async def doing(connection: Connection, pid: int) -> Doing | None:
    """Return what the session of a server process is at; None where there is none any more."""
    row = await (await connection.execute(_SQL["doing"], {"pid": pid})).fetchone()
    return None if row is None else Doing(bool(row[0]), str(row[1]))


async def terminate(connection: Connection, pid: int) -> None:
    """End a session of the same user, so that its locks go."""
    await connection.execute(_SQL["terminate"], {"pid": pid})
