"""What changed since an earlier look: how the API learns of new latest values.

A cursor is a database snapshot. `latest.changed_by` holds the transaction that wrote a row; a row is new when the
cursor's snapshot did not see that transaction. So what began early and committed late is told once, at the look after
its commit, whatever any clock says. A cursor never grows stale, and may be kept and used after a restart.
"""

import re
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg import AsyncConnection

from siloscope_contract.quality import grade
from siloscope_store.channels import reason_of
from siloscope_store.errors import CursorMalformed
from siloscope_store.statements import statements

_SQL = statements("changes.sql")
_SNAPSHOT = re.compile(r"\d{1,20}:\d{1,20}:[\d,]{0,4096}")


class Change(msgspec.Struct, frozen=True):
    """The newest reading of a channel whose group changed, and where the channel stands.

    All channels of a changed group are told: who keeps the last time told per channel knows which are new.
    """

    org_id: int
    site_id: int
    place_id: int | None
    channel_id: int
    time: datetime
    value: float | None
    quality: str
    reason: str
    age_s: float


class Changes(msgspec.Struct, frozen=True):
    """Changes, and the cursor that goes on from there."""

    cursor: str
    changes: list[Change]


async def changes_since(
    connection: AsyncConnection[Any],
    cursor: str | None,
    *,
    now: datetime,
    org_id: int | None = None,
    site_id: int | None = None,
    place_id: int | None = None,
) -> Changes:
    """Return what changed since a cursor was given out.

    Args:
        connection: Outside a transaction, or in one that is READ COMMITTED.
        cursor: Of an earlier answer; None asks for the cursor of now and no changes.
        now: For ages, and for where channels are placed.
        org_id: None = every organisation: for the feed of a process that sorts by organisation itself.
        site_id: None = any.
        place_id: None = any.

    Raises:
        CursorMalformed: The cursor was not given out here.
    """
    if cursor is None:
        return Changes(await _cursor_of_now(connection), [])
    if not _SNAPSHOT.fullmatch(cursor):
        raise CursorMalformed(cursor)
    parameters = {"cursor": cursor, "now": now, "org_id": org_id, "site_id": site_id, "place_id": place_id}
    try:
        found = await connection.execute(_SQL["changes"], parameters)
    except psycopg.DataError:
        raise CursorMalformed(cursor) from None
    rows = await found.fetchall()
    return Changes(rows[0][0], [_change(row, now) for row in rows if row[4] is not None])


async def _cursor_of_now(connection: AsyncConnection[Any]) -> str:
    found = await connection.execute(_SQL["cursor"])
    row = await found.fetchone()
    assert row is not None
    return str(row[0])


def _change(row: tuple[Any, ...], now: datetime) -> Change:
    _, org_id, site_id, place_id, channel_id, time, value, code = row
    age_s = (now - time).total_seconds()
    return Change(org_id, site_id, place_id, channel_id, time, value, grade(code).value, reason_of(code), age_s)
