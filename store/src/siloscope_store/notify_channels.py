"""The ways out, as those who send need them."""

from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from siloscope_store.statements import statements

_SQL = statements("notify_channels.sql")
Connection = AsyncConnection[Any]


class NotifyChannel(msgspec.Struct, frozen=True):
    """A way out; its secrets are for its sender alone.

    Attributes:
        document: As siloscope_contract.alerts.routes.Channel.
    """

    channel_id: int
    org_id: int
    slug: str
    kind: str
    document: dict[str, Any]
    secrets: dict[str, str]

    def __repr__(self) -> str:
        """Say nothing of the secrets: this is what logs and tracebacks show."""
        return f"NotifyChannel({self.channel_id}, {self.slug!r}, {self.kind!r})"


async def due(connection: Connection, term: int, *, summarise_after_s: float) -> list[NotifyChannel]:
    """Return the channels that have something to send, or have held messages back for so long."""
    async with connection.cursor(row_factory=class_row(NotifyChannel)) as rows:
        await rows.execute(_SQL["due"], {"term": term, "summarise_after_s": summarise_after_s})
        return await rows.fetchall()


async def others(connection: Connection, org_id: int, channel_id: int, route_id: int | None) -> list[int]:
    """Return whom to tell that a channel fails: the route's other channels, or else the organisation's, that work."""
    asked = {"org_id": org_id, "channel_id": channel_id, "route_id": route_id}
    return [row[0] for row in await (await connection.execute(_SQL["others"], asked)).fetchall()]


async def link_key(connection: Connection) -> bytes:
    """Return the key that signs links."""
    row = await (await connection.execute(_SQL["link_key"])).fetchone()
    assert row is not None
    return bytes(row[0])
