"""That ingest runs, hears its broker, and how far it is behind: absence of data is judged by it."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection, AsyncCursor

from siloscope_store.statements import statements

_SQL = statements("ingest_presence.sql")
Connection = AsyncConnection[Any]


class WorkerPresence(msgspec.Struct, frozen=True):
    """What a worker said last.

    Attributes:
        seen_at: When, by the server's clock.
        broker_connected: Whether it hears its broker.
        lag_s: Age of the oldest message that it has and has not committed.
    """

    worker: str
    seen_at: datetime
    broker_connected: bool
    lag_s: float


async def note(connection: Connection, worker: str, *, broker_connected: bool, lag_s: float) -> None:
    """Write that a worker runs."""
    parameters = {"worker": worker, "broker_connected": broker_connected, "lag_s": lag_s}
    await connection.execute(_SQL["note"], parameters)


async def forget(connection: Connection) -> None:
    """Forget workers that said nothing for a day."""
    await connection.execute(_SQL["forget"])


async def ask(connection: Connection) -> AsyncCursor[Any]:
    """Ask what every worker said last; `told` waits for the answer: other questions may travel with this one."""
    return await connection.execute(_SQL["all"])


async def told(answer: AsyncCursor[Any]) -> list[WorkerPresence]:
    """Return what every worker said last."""
    return [WorkerPresence(*row) for row in await answer.fetchall()]
