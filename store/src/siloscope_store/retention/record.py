"""What retention did: its last run, and what each run let go."""

from datetime import UTC, date, datetime, time
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from siloscope_store.connections import Connected
from siloscope_store.statements import statements

_SQL = statements("retention_record.sql")


class Run(msgspec.Struct, frozen=True):
    """The last run, and whether it had an archive directory that it could use."""

    ran_at: datetime
    archiving: bool


class Loss(msgspec.Struct, frozen=True):
    """What one run let go of one level at one site; `site_id` None = of the whole organisation."""

    loss_id: int
    gone_at: datetime
    retention_class: str
    level: str
    site_id: int | None
    site: str | None
    site_name: str | None
    rows: int
    size_bytes: int
    first_time: datetime
    last_time: datetime
    archived: bool


def note_run(connection: Connection[Any], *, at: datetime, archiving: bool) -> None:
    """Say that a run begins."""
    connection.execute(_SQL["note_run"], {"at": at, "archiving": archiving})


def note_loss(
    connection: Connection[Any],
    *,
    at: datetime,
    org_id: int,
    site_id: int | None,
    retention_class: str,
    level: str,
    rows: int,
    size_bytes: int,
    first: datetime | date,
    last: datetime | date,
) -> None:
    """Add to what the run of that instant let go, in the transaction that lets it go."""
    noted = {
        "at": at,
        "org_id": org_id,
        "site_id": site_id,
        "retention_class": retention_class,
        "level": level,
        "rows": rows,
        "size_bytes": size_bytes,
        "first": _instant(first),
        "last": _instant(last),
    }
    connection.execute(_SQL["note_loss"], noted)


async def last_run(connection: Connected) -> Run | None:
    """Return the last run; None: none yet."""
    async with connection.cursor(row_factory=class_row(Run)) as rows:
        await rows.execute(_SQL["last_run"])
        return await rows.fetchone()


async def losses(connection: Connected, org_id: int, *, limit: int, below: int | None = None) -> list[Loss]:
    """Return what has gone of an organisation, newest first, from below one on."""
    async with connection.cursor(row_factory=class_row(Loss)) as rows:
        await rows.execute(_SQL["losses"], {"org_id": org_id, "limit": limit, "below": below})
        return await rows.fetchall()


def _instant(at: datetime | date) -> datetime:
    return at if isinstance(at, datetime) else datetime.combine(at, time(), UTC)
