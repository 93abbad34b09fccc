"""The newest sample group as a landmark: whoever knows it can tell an older copy of the database by its absence.

However much is written to such a copy before anybody looks, the landmark is not in it.
"""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from siloscope_store.statements import statements

_SQL = statements("landmarks.sql")


class Landmark(NamedTuple):
    """A sample group, and when it was made: its number may be given again in a copy."""

    group_id: int
    created_at: datetime


async def newest(connection: AsyncConnection[Any]) -> Landmark | None:
    """Return the newest group that is committed; None where there is none."""
    row = await (await connection.execute(_SQL["newest"])).fetchone()
    return None if row is None else Landmark(*row)


async def is_there(connection: AsyncConnection[Any], landmark: Landmark) -> bool:
    """Say whether a database has a group that was seen in it before."""
    row = await (await connection.execute(_SQL["is_there"], landmark._asdict())).fetchone()
    assert row is not None
    return bool(row[0])
