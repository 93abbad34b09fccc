"""Silences and maintenance windows: who told alerts to be quiet, about what, and until when."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from siloscope_contract.alerts.selectors import Matcher
from siloscope_store import audit
from siloscope_store.alert_rules import document_of
from siloscope_store.connections import Connected
from siloscope_store.statements import statements

_SQL = statements("alert_silences.sql")
SilenceKind = Literal["silence", "maintenance"]
Repeats = Literal["never", "daily", "weekly"]


class StoredSilence(msgspec.Struct, frozen=True):
    """One span of quiet."""

    silence_id: int
    kind: SilenceKind
    selector: dict[str, Any]
    begins: datetime
    ends: datetime
    repeats: Repeats
    author: str
    comment: str
    created_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    state: Literal["coming", "active", "over"]


class SilenceOrder(msgspec.Struct, frozen=True):
    """A silence to be; it begins now unless told."""

    kind: SilenceKind
    matcher: Matcher
    ends: datetime
    author: str
    begins: datetime | None = None
    repeats: Repeats = "never"
    comment: str = ""


async def page(
    connection: Connected, org_id: int, *, limit: int, active: bool | None = None, below: int | None = None
) -> list[StoredSilence]:
    """Return silences, newest first, from below an id on; `active` ones are all that are not over."""
    return await _page(connection, org_id, limit=limit, active=active, below=below)


async def one(connection: Connected, org_id: int, silence_id: int) -> StoredSilence | None:
    """Return one silence; None where the organisation has none of that id."""
    return next(iter(await _page(connection, org_id, limit=1, silence_id=silence_id)), None)


async def add(connection: Connected, org_id: int, order: SilenceOrder) -> StoredSilence:
    """Add a silence, and a line to the audit trail."""
    async with connection.transaction():
        new = {**msgspec.structs.asdict(order), "org_id": org_id, "selector": Jsonb(document_of(order.matcher))}
        del new["matcher"]
        row = await (await connection.execute(_SQL["add"], new)).fetchone()
        assert row is not None
        added = await one(connection, org_id, row[0])
        assert added is not None
        detail = {"kind": added.kind, "selector": added.selector, "ends": added.ends.isoformat()}
        await audit.record_for(connection, audit.Deed(order.author, "silence.add", str(row[0]), detail), org_id)
    return added


async def end(connection: Connected, org_id: int, silence_id: int, *, by: str) -> StoredSilence | None:
    """End a silence before its time; one that was ended stays as it was.

    Returns:
        The silence; None where the organisation has none of that id.
    """
    async with connection.transaction():
        asked = {"org_id": org_id, "silence_id": silence_id, "by": by}
        if (await connection.execute(_SQL["end"], asked)).rowcount:
            await audit.record_for(connection, audit.Deed(by, "silence.end", str(silence_id)), org_id)
        return await one(connection, org_id, silence_id)


async def _page(connection: Connected, org_id: int, *, limit: int, **told: object) -> list[StoredSilence]:
    asked = {"silence_id": None, "active": None, "below": None, **told, "org_id": org_id, "limit": limit}
    async with connection.cursor(row_factory=class_row(StoredSilence)) as rows:
        await rows.execute(_SQL["page"], asked)
        return await rows.fetchall()
