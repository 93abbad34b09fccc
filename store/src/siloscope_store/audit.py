"""The audit trail: who did what to what. Rows are only ever added."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from siloscope_store.statements import statements

_SQL = statements("audit.sql")


class Deed(msgspec.Struct, frozen=True):
    """One line of the trail.

    Attributes:
        actor: Who: `user:ada`, `command:siloscope db`.
        action: What, as a slug with its subject's kind: `user.add`, `layout.apply`.
        subject: To what: a slug or user name.
        detail: What else; never a secret.
    """

    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = msgspec.field(default_factory=dict)


class DatedDeed(msgspec.Struct, frozen=True):
    """A deed and when it was done."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


def record(connection: Connection[Any], deed: Deed, *, organisation: str | None = None) -> None:
    """Add a line for an organisation's slug, in the caller's transaction."""
    connection.execute(_SQL["record"], {**_row(deed), "org_id": None, "organisation": organisation})


async def record_for(connection: AsyncConnection[Any], deed: Deed, org_id: int | None) -> None:
    """Add a line for an organisation's number, in the caller's transaction."""
    await connection.execute(_SQL["record"], {**_row(deed), "org_id": org_id, "organisation": None})


async def record_of(connection: AsyncConnection[Any], deed: Deed, organisation: str | None) -> None:
    """Add a line for an organisation's slug, in the caller's transaction."""
    await connection.execute(_SQL["record"], {**_row(deed), "org_id": None, "organisation": organisation})


async def newest(connection: AsyncConnection[Any], org_id: int, *, limit: int) -> list[DatedDeed]:
    """Return an organisation's newest lines, newest first."""
    async with connection.cursor(row_factory=class_row(DatedDeed)) as rows:
        await rows.execute(_SQL["newest"], {"org_id": org_id, "limit": limit})
        return await rows.fetchall()


def _row(deed: Deed) -> dict[str, Any]:
    return {**msgspec.structs.asdict(deed), "detail": Jsonb(dict(deed.detail))}
