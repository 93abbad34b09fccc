"""What a benchmark looks at to see when a sample has become visible to others."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from siloscope_process.clock import from_ms, to_ms
from siloscope_store.statements import statements

_SQL = statements("probes.sql")
Connection = AsyncConnection[Any]


async def groups(connection: Connection, device: str, most: int) -> list[int]:
    """Return the groups of some devices of this name, as far apart as there are many.

    Nodes that send in turns send one after another: the newest samples of neighbours would be one look at the clock.
    """
    found = await connection.execute(_SQL["groups"], {"device": device, "most": most})
    return [row[0] for row in await found.fetchall()]


async def newest_ms(connection: Connection, group_ids: Sequence[int]) -> dict[int, int]:
    """Return the time of each group's newest committed sample."""
    found = await connection.execute(_SQL["newest"], {"group_ids": list(group_ids)})
    return {row[0]: to_ms(row[1]) for row in await found.fetchall()}


async def conflicts(connection: Connection) -> int:
    """Return how many second values were kept beside the first."""
    row = await (await connection.execute(_SQL["conflicts"])).fetchone()
    assert row is not None
    return int(row[0])


async def stored_before(connection: Connection, before_ms: int) -> int:
    """Return how many samples of measurements are stored that were measured before an instant."""
    row = await (await connection.execute(_SQL["stored_before"], {"before": from_ms(before_ms)})).fetchone()
    assert row is not None
    return int(row[0])
