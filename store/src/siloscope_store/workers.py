"""Which ingest workers run."""

from typing import Any

from psycopg import AsyncConnection

from siloscope_store.statements import statements

_SQL = statements("workers.sql")
Connection = AsyncConnection[Any]


async def here(connection: Connection, worker: str) -> None:
    """Let others know that a worker runs, as long as the connection lasts."""
    await connection.execute(_SQL["here"], {"worker": worker})


async def is_gone(connection: Connection, worker: str) -> bool:
    """Return whether no such worker runs; close the connection then, for it holds the worker's place."""
    row = await (await connection.execute(_SQL["is_gone"], {"worker": worker})).fetchone()
    return row is not None and bool(row[0])
