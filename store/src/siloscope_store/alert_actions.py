"""What people do about alerts: acknowledge, assign, comment, snooze. The engine's columns are not touched here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from psycopg.rows import class_row

from siloscope_store.connections import Connected
from siloscope_store.statements import statements

_SQL = statements("alert_actions.sql")
ActKind = Literal["acknowledge", "unacknowledge", "assign", "comment", "snooze", "unsnooze"]
Via = Literal["api", "command", "link", "telegram"]


class Act(msgspec.Struct, frozen=True):
    """What somebody does.

    Attributes:
        actor: `user:ada`, `link:cab`, `telegram:4711`.
        body: A remark; of `comment` the comment, of `assign` to whom, empty = to nobody.
        until: Of `snooze`.
    """

    kind: ActKind
    actor: str
    via: Via
    body: str = ""
    until: datetime | None = None


class AlertSummary(msgspec.Struct, frozen=True):
    """What the page behind a link says of an alert."""

    alert_id: int
    org_id: int
    organisation: str
    rule_name: str
    site: str | None
    place: str | None
    state: str
    ended_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    snoozed_until: datetime | None


async def act(connection: Connected, org_id: int | None, ids: Sequence[int], deed: Act) -> list[int]:
    """Do something about alerts.

    Args:
        connection: With or without a transaction: it is one statement.
        org_id: Whose alerts alone; None where a signed link names the alert.
        ids: What of these is not the organisation's, or is over, stays as it is; a comment may come afterwards.
        deed: What is done.

    Returns:
        The ids of those it changed: doing twice what is done is no act.
    """
    asked = {**msgspec.structs.asdict(deed), "org_id": org_id, "ids": list(ids)}
    statement = _SQL["comment" if deed.kind == "comment" else "act"]
    return [row[0] for row in await (await connection.execute(statement, asked)).fetchall()]


async def told_with(connection: Connected, alert_id: int, told_at: datetime) -> list[int]:
    """Return the alert and what a message of that time told of with it."""
    asked = {"alert_id": alert_id, "told_at": told_at}
    return [row[0] for row in await (await connection.execute(_SQL["told_with"], asked)).fetchall()]


async def summary(connection: Connected, alert_id: int) -> AlertSummary | None:
    """Return what a signed link may show; None where the alert no longer exists."""
    async with connection.cursor(row_factory=class_row(AlertSummary)) as rows:
        await rows.execute(_SQL["summary"], {"alert_id": alert_id})
        return await rows.fetchone()


async def link_key(connection: Connected) -> bytes:
    """Return the key that links and buttons are signed with.

    Raises:
        LookupError: The evaluator's row is gone.
    """
    row = await (await connection.execute(_SQL["link_key"])).fetchone()
    if row is None:
        raise LookupError("alert_evaluator has no row")
    return bytes(row[0])
