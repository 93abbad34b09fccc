"""Incidents: alerts of one cause, which one message is about."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from siloscope_store.statements import statements

_SQL = statements("alert_incidents.sql")
Connection = AsyncConnection[Any]


class IncidentRow(msgspec.Struct, frozen=True):
    """An incident."""

    incident_id: int
    org_id: int
    cause: str
    group_key: str
    severity: str
    site_id: int | None
    node_id: int | None
    opened_at: datetime
    closed_at: datetime | None
    facts: dict[str, Any]


async def open_incidents(connection: Connection) -> list[IncidentRow]:
    """Return incidents that are not over."""
    return [IncidentRow(*row) for row in await (await connection.execute(_SQL["open"])).fetchall()]


async def new_ids(connection: Connection, count: int) -> list[int]:
    """Return numbers for incidents that are to be written."""
    if not count:
        return []
    return [row[0] for row in await (await connection.execute(_SQL["ids"], {"count": count})).fetchall()]


async def write(connection: Connection, rows: Sequence[IncidentRow]) -> None:
    """Write incidents, new ones and changed ones."""
    if not rows:
        return
    columns: dict[str, list[Any]] = {
        f"{name}s": [getattr(row, name) for row in rows] for name in IncidentRow.__struct_fields__ if name != "facts"
    }
    columns["severities"] = columns.pop("severitys")
    await connection.execute(_SQL["write"], {**columns, "facts": [Jsonb(row.facts) for row in rows]})
