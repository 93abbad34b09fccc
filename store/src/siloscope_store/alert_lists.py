"""Alerts as people see them: lists, one with its history, and the messages that told of them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from siloscope_store.connections import Connected
from siloscope_store.errors import CursorMalformed
from siloscope_store.statements import statements

_SQL = statements("alert_lists.sql")
_MOST_MESSAGES_OF_ONE = 200


class Wanted(msgspec.Struct, frozen=True):
    """Which alerts; None = whatever."""

    state: str | None = None
    severity: str | None = None
    site_id: int | None = None
    place_id: int | None = None
    channel_id: int | None = None
    rule: str | None = None
    open: bool | None = None


class StoredAlert(msgspec.Struct, frozen=True):
    """One episode, with the names of what it is about and the rule as it was when it began."""

    alert_id: int
    rule: str
    rule_name: str
    rule_version: int
    subject_kind: str
    subject_id: int
    subject_title: str | None
    severity: str
    state: str
    reason: str
    incident_id: int | None
    retrospective: bool
    flapping: bool
    inhibited_by: int | None
    labels: dict[str, str]
    facts: dict[str, Any]
    began_at: datetime
    fired_at: datetime | None
    ended_at: datetime | None
    changed_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    assigned_to: str | None
    snoozed_until: datetime | None
    site_id: int | None
    site_slug: str | None
    site_name: str | None
    time_zone: str | None
    node_id: int | None
    node_slug: str | None
    place_id: int | None
    place_slug: str | None
    place_title: str | None
    channel_id: int | None
    channel_key: str | None
    channel_title: str | None
    quantity: str | None
    unit: str | None
    document: dict[str, Any]


class Counts(msgspec.Struct, frozen=True):
    """Open alerts of an organisation; all but `pending` count those that fired."""

    open: int
    critical: int
    warning: int
    info: int
    unacknowledged: int
    pending: int


class StoredTransition(msgspec.Struct, frozen=True):
    """One step of an alert's life."""

    number: int
    from_state: str
    to_state: str
    reason: str
    event_at: datetime
    at: datetime
    facts: dict[str, Any]


class StoredAction(msgspec.Struct, frozen=True):
    """What somebody did."""

    kind: str
    actor: str
    via: str
    body: str
    until: datetime | None
    at: datetime


class StoredMessage(msgspec.Struct, frozen=True):
    """A message of the outbox; `detail` is what its last failed attempt was told."""

    id: str
    channel: str
    channel_kind: str
    route: str | None
    incident_id: int | None
    step: int
    kind: str
    severity: str
    state: str
    attempts: int
    enqueued_at: datetime
    due_at: datetime
    delivered_at: datetime | None
    detail: str


async def page(
    connection: Connected, org_id: int, wanted: Wanted, *, limit: int, below: int | None = None
) -> list[StoredAlert]:
    """Return alerts, newest first, from below an id on."""
    asked = {**msgspec.structs.asdict(wanted), "org_id": org_id, "limit": limit, "below": below}
    asked["closed_only"] = wanted.open is False
    found = await connection.execute(_SQL["page_open" if wanted.open else "page"], asked)
    return await _alerts(connection, org_id, [row[0] for row in await found.fetchall()])


async def one(connection: Connected, org_id: int, alert_id: int) -> StoredAlert | None:
    """Return one alert; None where the organisation has none of that id."""
    return next(iter(await _alerts(connection, org_id, [alert_id])), None)


async def counts(connection: Connected, org_id: int) -> Counts:
    """Return how many alerts are open."""
    async with connection.cursor(row_factory=class_row(Counts)) as rows:
        await rows.execute(_SQL["counts"], {"org_id": org_id})
        found = await rows.fetchone()
    assert found is not None
    return found


async def transitions(connection: Connected, alert_id: int) -> list[StoredTransition]:
    """Return an alert's life, oldest first; that the caller may see it is the caller's to know."""
    async with connection.cursor(row_factory=class_row(StoredTransition)) as rows:
        await rows.execute(_SQL["transitions"], {"alert_id": alert_id})
        return await rows.fetchall()


async def actions(connection: Connected, alert_id: int) -> list[StoredAction]:
    """Return what people did about an alert, oldest first."""
    async with connection.cursor(row_factory=class_row(StoredAction)) as rows:
        await rows.execute(_SQL["actions"], {"alert_id": alert_id})
        return await rows.fetchall()


async def messages_of(connection: Connected, org_id: int, incident_id: int) -> list[StoredMessage]:
    """Return the messages that told of an incident, newest first."""
    return await _messages(connection, org_id, incident_id=incident_id, limit=_MOST_MESSAGES_OF_ONE)


async def messages(
    connection: Connected,
    org_id: int,
    *,
    limit: int,
    cursor: str | None = None,
    state: str | None = None,
    channel: str | None = None,
) -> list[StoredMessage]:
    """Return the outbox of an organisation, newest first.

    Raises:
        CursorMalformed: It was not given out by `cursor_of`.
    """
    before, below = (None, None) if cursor is None else _position(cursor)
    told = {"state": state, "channel": channel, "before": before, "below": below}
    return await _messages(connection, org_id, limit=limit, **told)


def cursor_of(message: StoredMessage) -> str:
    """Return the cursor of the page that goes on behind a message."""
    at = message.enqueued_at.astimezone(UTC).isoformat().replace("+00:00", "Z")  # a plus is a space in an address
    return f"{at}_{UUID(message.id).hex}"


def _position(cursor: str) -> tuple[datetime, UUID]:
    at, _, number = cursor.partition("_")
    try:
        position = datetime.fromisoformat(at), UUID(number)
    except ValueError:
        raise CursorMalformed(cursor) from None
    if position[0].tzinfo is None:
        raise CursorMalformed(cursor)
    return position


async def _messages(connection: Connected, org_id: int, **told: object) -> list[StoredMessage]:
    nothing = dict.fromkeys(("incident_id", "state", "channel", "before", "below"))
    async with connection.cursor(row_factory=class_row(StoredMessage)) as rows:
        await rows.execute(_SQL["notifications"], {**nothing, **told, "org_id": org_id})
        return await rows.fetchall()


async def _alerts(connection: Connected, org_id: int, ids: list[int]) -> list[StoredAlert]:
    async with connection.cursor(row_factory=class_row(StoredAlert)) as rows:
        await rows.execute(_SQL["alerts"], {"ids": ids, "org_id": org_id})
        return await rows.fetchall()
