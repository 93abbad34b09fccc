"""Messages without times of their own, stored lately: a redelivered one is not to be stored as a new reading.

What writes runs inside a transaction of the caller, on a connection that `prepare` has seen.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from struct import Struct
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from siloscope_process.clock import to_ms
from siloscope_store.sample_rows import COPY_HEADER, COPY_TRAILER, MS_UNTIL_2000
from siloscope_store.statements import statements

_SQL = statements("relative_messages.sql")
_ROW = Struct(">hiii16siq")  # field count, then node_id, hash and arrival, each with its length
_PRUNED_AT_ONCE = 20_000
Connection = AsyncConnection[Any]
Message = tuple[int, bytes]
"""node_id, and 16 bytes of the payload's hash."""


async def prepare(connection: Connection) -> None:
    """Make the session's temporary table; once a connection, outside of any transaction."""
    await connection.execute(_SQL["prepare"])


async def remember(connection: Connection, arrived_ms: Mapping[Message, int]) -> None:
    """Note that these messages are stored, with the samples that they brought."""
    rows = [
        _ROW.pack(3, 4, node_id, 16, payload_hash, 8, (at_ms - MS_UNTIL_2000) * 1000)
        for (node_id, payload_hash), at_ms in sorted(arrived_ms.items())
    ]
    async with connection.cursor() as cursor:
        async with cursor.copy(_SQL["copy"]) as copy:
            await copy.write(b"".join((COPY_HEADER, *rows, COPY_TRAILER)))
        await cursor.execute(_SQL["remember"])


async def arrived_ms(connection: Connection, message: Message) -> int | None:
    """Return when a message that is stored arrived, or None where it is not known."""
    node_id, payload_hash = message
    found = await connection.execute(_SQL["arrived_at"], {"node_id": node_id, "payload_hash": UUID(bytes=payload_hash)})
    row = await found.fetchone()
    return None if row is None else to_ms(row[0])


async def prune(connection: Connection, now: datetime, older_than_s: float) -> bool:
    """Forget a bounded number of old messages; return whether more of them may be there."""
    parameters = {"before": now - timedelta(seconds=older_than_s), "most": _PRUNED_AT_ONCE}
    return (await connection.execute(_SQL["prune"], parameters)).rowcount == _PRUNED_AT_ONCE
