"""Stored samples of some groups, as alerting reads them again: arrays in PostgreSQL's binary form."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection

from siloscope_store.statements import statements

_SQL = statements("alert_history.sql")
Connection = AsyncConnection[Any]


class Span(msgspec.Struct, frozen=True):
    """What is wanted of a group: from `begins` on, up to and without `ends`."""

    group_id: int
    begins: datetime
    ends: datetime


class StoredSample(msgspec.Struct, frozen=True, gc=False):
    """A sample; `values` is a float8[], `quality` an int2[] or None where every value is good."""

    group_id: int
    time_ms: int
    values: bytes
    quality: bytes | None


async def samples_between(
    connection: Connection, spans: Sequence[Span], *, since: str | None = None
) -> list[StoredSample]:
    """Return the samples of these spans by group and time; spans of one group must not overlap.

    Args:
        connection: In a transaction, or not.
        spans: What is wanted.
        since: A snapshot: those alone that were committed after it. One whose gaps were filled since is among them.
    """
    if not spans:
        return []
    parameters = {
        "horizon": since,
        "group_ids": [each.group_id for each in spans],
        "begins": [each.begins for each in spans],
        "ends": [each.ends for each in spans],
        "earliest": min(each.begins for each in spans),
        "latest": max(each.ends for each in spans),
    }
    async with connection.cursor(binary=True) as rows:
        # Planned for these very times: a chunk that is compressed does not say who wrote a row, and is left out so.
        await rows.execute(_SQL["between" if since is None else "committed"], parameters, prepare=False)
        return [StoredSample(*row) for row in await rows.fetchall()]
