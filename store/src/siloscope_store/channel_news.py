"""How workers hear that channels took the place of others, and find out what they did not hear."""

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from siloscope_store.statements import statements

_SQL = statements("channel_news.sql")
Connection = AsyncConnection[Any]

CHANNEL = "siloscope_channels"
"""Of notifications; the payload is the node_id."""


async def announce(connection: Connection, device_id: int) -> None:
    """Tell everybody who listens, once the transaction is committed."""
    await connection.execute(_SQL["announce"], {"device_id": device_id})


async def listen(connection: Connection) -> datetime:
    """Hear of nodes whose channels take the place of others, from the time that is returned."""
    await connection.execute(_SQL["listen"])
    row = await (await connection.execute(_SQL["now"])).fetchone()
    assert row is not None
    found: datetime = row[0]
    return found


async def changed_since(connection: Connection, since: datetime) -> list[int]:
    """Return nodes of which channels took the place of others since a time, perhaps also a little before."""
    found = await connection.execute(_SQL["changed_since"], {"since": since})
    return [row[0] for row in await found.fetchall()]
