"""Which process does a job: the one whose session holds the job's lock."""

from typing import Any

from psycopg import AsyncConnection

from siloscope_store.statements import statements

_SQL = statements("job_locks.sql")


async def try_lead(connection: AsyncConnection[Any], job: str) -> bool:
    """Try to become the one process that does a job; holds as long as the session."""
    row = await (await connection.execute(_SQL["try_lead"], {"job": job})).fetchone()
    return row == (True,)
