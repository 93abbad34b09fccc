"""Telegram's bots, as whoever asks them for pressed buttons needs them, and up to where each was asked."""

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg.rows import class_row

from siloscope_store.connections import Connected
from siloscope_store.statements import statements

_SQL = statements("telegram_bots.sql")


class BotChannel(msgspec.Struct, frozen=True):
    """A channel of a bot; several channels may share one.

    Attributes:
        document: As siloscope_contract.alerts.routes.Channel.
        next_update: The update to ask from; 0 = whatever Telegram still has.
    """

    channel_id: int
    org_id: int
    slug: str
    token: str
    document: dict[str, Any]
    next_update: int

    def __repr__(self) -> str:
        """Say nothing of the token: this is what logs and tracebacks show."""
        return f"BotChannel({self.channel_id}, {self.slug!r})"


async def channels(connection: Connected) -> list[BotChannel]:
    """Return every channel of every bot."""
    async with connection.cursor(row_factory=class_row(BotChannel)) as rows:
        await rows.execute(_SQL["channels"])
        return await rows.fetchall()


async def keep_offset(connection: Connected, channel_ids: Sequence[int], next_update: int) -> None:
    """Keep up to where a bot was asked, in the caller's transaction."""
    asked = {"channel_ids": list(channel_ids), "next_update": next_update}
    await connection.execute(_SQL["keep_offset"], asked)
