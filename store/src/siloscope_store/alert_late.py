"""Late samples that alerting has not read yet, by quarter of an hour of their time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from psycopg import AsyncConnection

from siloscope_store.statements import statements

_SQL = statements("alert_late.sql")
Connection = AsyncConnection[Any]
MOST_MARKS = 50_000
BUCKET = timedelta(minutes=15)


class LateMark(msgspec.Struct, frozen=True):
    """Late samples of a group.

    Attributes:
        place: Where the mark stands; names it together with the rest.
        bucket: Begin of the quarter of an hour of their time.
        arrived_at: When they were stored, by the server's clock.
    """

    place: str
    group_id: int
    bucket: datetime
    arrived_at: datetime


async def marks(connection: Connection) -> list[LateMark]:
    """Return marks that nobody took, at most `MOST_MARKS`."""
    found = await connection.execute(_SQL["marks"], {"most": MOST_MARKS})
    return [LateMark(*row) for row in await found.fetchall()]


async def marked(connection: Connection, group_ids: Sequence[int]) -> dict[tuple[int, datetime], datetime]:
    """Return, of the quarters of an hour of these groups that have marks, when their newest samples were stored."""
    found = await connection.execute(_SQL["of_groups"], {"group_ids": list(group_ids)})
    return {(row[0], row[1]): row[2] for row in await found.fetchall()}


async def take(connection: Connection, taken: Sequence[LateMark]) -> None:
    """Remove these marks and no other."""
    if not taken:
        return
    parameters = {
        "places": [each.place for each in taken],
        "group_ids": [each.group_id for each in taken],
        "buckets": [each.bucket for each in taken],
        "arrived_ats": [each.arrived_at for each in taken],
    }
    await connection.execute(_SQL["take"], parameters)
