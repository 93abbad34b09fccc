"""What a decision about whom to tell is made from, as it stands in this transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from siloscope_store.statements import statements

_SQL = statements("notify_routes.sql")
Connection = AsyncConnection[Any]


class StoredRoute(msgspec.Struct, frozen=True):
    """A route, its document as siloscope_contract.alerts.routes.Route."""

    route_id: int
    org_id: int
    document: dict[str, Any]


class Quiet(msgspec.Struct, frozen=True):
    """A silence or maintenance window that has begun, its selector as siloscope_contract.alerts.selectors.Matcher."""

    org_id: int
    kind: Literal["silence", "maintenance"]
    selector: dict[str, Any]
    begins: datetime
    ends: datetime
    repeats: Literal["never", "daily", "weekly"]


class Told(msgspec.Struct, frozen=True):
    """How far an incident was told to a route.

    Attributes:
        steps: So many steps of the ladder were told.
        at: When a message about it was enqueued last.
        rung: Where the ladder stands; None before it was looked at.
        heard: The alerts that messages about it were about; None where no message says so.
    """

    incident_id: int
    route_id: int
    steps: int
    at: datetime
    rung: int | None
    heard: list[int] | None = None


class AlertAbout(msgspec.Struct, frozen=True):
    """What an alert is about, in the words of selectors; of an incident without alerts, what that is about."""

    incident_id: int
    alert_id: int | None
    org_id: int
    rule: str | None
    severity: str
    state: str | None
    labels: dict[str, str]
    site: str | None
    node: str | None
    device: str | None
    channel: str | None
    place: str | None
    place_kind: str | None
    spot: str | None
    level: int | None
    quantity: str | None
    tags: dict[str, Any]
    vitals: bool
    time_zone: str
    acknowledged: bool
    snoozed_until: datetime | None
    inhibited: bool


class Standing(msgspec.Struct, frozen=True):
    """Everything together, of the organisations of some incidents.

    Attributes:
        routes: In the order in which they are asked.
        channels: Ids by organisation and slug.
    """

    routes: Sequence[StoredRoute]
    channels: Mapping[tuple[int, str], int]
    silences: Sequence[Quiet]
    told: Sequence[Told]
    alerts: Sequence[AlertAbout]


async def standing(connection: Connection, incident_ids: Sequence[int]) -> Standing:
    """Return what decides about these incidents; within a transaction it sees what that has written.

    Among the alerts are those of other incidents that these name.
    """
    asked: dict[str, Any] = {"incident_ids": list(incident_ids)}
    found = await connection.execute(_SQL["organisations"], asked)
    asked["org_ids"] = [row[0] for row in await found.fetchall()]
    channels = await (await connection.execute(_SQL["channels"], asked)).fetchall()
    beside = [row[0] for row in await (await connection.execute(_SQL["beside"], asked)).fetchall()]
    return Standing(
        routes=await _all(connection, StoredRoute, "routes", asked),
        channels={(org_id, slug): channel_id for org_id, slug, channel_id in channels},
        silences=await _all(connection, Quiet, "silences", asked),
        told=await _all(connection, Told, "told", asked),
        alerts=await _all(connection, AlertAbout, "alerts", {"incident_ids": [*incident_ids, *beside]}),
    )


async def _all(connection: Connection, kind: type[Any], statement: str, asked: Mapping[str, Any]) -> list[Any]:
    async with connection.cursor(row_factory=class_row(kind)) as rows:
        await rows.execute(_SQL[statement], asked)
        return await rows.fetchall()
