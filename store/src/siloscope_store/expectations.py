"""Since when, and until when, samples of a group are expected: as long as its node's births name it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from siloscope_contract.births import DeviceBirth
from siloscope_store.statements import statements

_SQL = statements("expectations.sql")
Connection = AsyncConnection[Any]


async def name_groups(
    connection: Connection, node_id: int, session: str, devices: Sequence[DeviceBirth], at: datetime
) -> None:
    """Expect samples of the groups that a birth names; of those that an earlier one left out, from now on again."""
    named = [(device.name, group.key) for device in devices for group in device.groups]
    if named:
        await connection.execute(
            _SQL["name_groups"],
            {
                "node_id": node_id,
                "session": session,
                "devices": [device for device, _ in named],
                "groups": [group for _, group in named],
                "at": at,
            },
        )


async def end_unnamed(connection: Connection, node_id: int, session: str, at: datetime) -> None:
    """Expect no more samples of groups that a whole birth, all its pages, has not named: they were taken away."""
    await connection.execute(_SQL["end_unnamed"], {"node_id": node_id, "session": session, "at": at})
