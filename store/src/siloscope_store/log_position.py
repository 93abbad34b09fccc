"""How far the server's log has come: it only grows, unless somebody puts an older copy of the database in its place."""

from typing import Any

from psycopg import AsyncConnection

from siloscope_store.statements import statements

_SQL = statements("log_position.sql")

SLACK_BYTES = 8192
"""A record that a crash tore apart is written anew: one page may be lost without anything being lost."""


async def reached(connection: AsyncConnection[Any]) -> int:
    """Return the position of the log that is on disk, in bytes."""
    row = await (await connection.execute(_SQL["reached"])).fetchone()
    assert row is not None
    return int(row[0])


def went_back(before: int, now: int) -> bool:
    """Say whether a position tells of an older copy of the database than the one before."""
    return now < before - SLACK_BYTES
