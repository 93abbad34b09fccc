"""What was committed since alerts were evaluated last, read in one snapshot: that snapshot is the next cursor.

A row is new when the cursor's snapshot did not see the transaction that wrote it. So what began early and commits late
is told at the look after its commit, whatever any clock says.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from operator import itemgetter
from typing import Any

import msgspec
import psycopg
from psycopg import AsyncConnection

from siloscope_store import alert_late, ingest_presence
from siloscope_store.alert_late import LateMark
from siloscope_store.errors import CursorMalformed
from siloscope_store.ingest_presence import WorkerPresence
from siloscope_store.statements import statements

_SQL = statements("alert_feed.sql")
_SNAPSHOT = re.compile(r"\d{1,20}:\d{1,20}:[\d,]{0,4096}")
Connection = AsyncConnection[Any]


class ChangedGroup(msgspec.Struct, frozen=True, gc=False):
    """The newest values of a group; arrays in PostgreSQL's binary form.

    Attributes:
        times: timestamptz[], an element a position; or one timestamptz, where all positions have the same.
        values: float8[].
        quality: int2[], or None where every value is good.
        arrived_ms: When it was stored.
        changes: One higher than at the look before where one sample came since, by more where there were several.
    """

    group_id: int
    times: bytes
    values: bytes
    quality: bytes | None
    arrived_ms: int
    changes: int = 0


class HeardNode(msgspec.Struct, frozen=True):
    """When a node was heard of last, in whatever way.

    Attributes:
        owes: It says that it holds samples that are not accounted for.
    """

    node_id: int
    org_id: int
    site_id: int
    heard_at: datetime | None
    owes: bool


class MaintenanceWindow(msgspec.Struct, frozen=True):
    """A maintenance window as people set it, and may have ended it; `selector` is an alerts Matcher of the contract."""

    silence_id: int
    org_id: int
    selector: dict[str, Any]
    begins: datetime
    ends: datetime
    repeats: str
    ended_at: datetime | None = None


class RawNews(msgspec.Struct, frozen=True):
    """One look.

    Attributes:
        snapshot: The next look goes on from there.
        generation: Of the store: a snapshot of another one means nothing.
        now: The server's clock.
        nodes: None where they were not asked for.
        marks: Late marks, none of them taken yet; None where they were not asked for.
        since: What was told is what was committed since then; None = it is all that there is.
    """

    snapshot: str
    generation: str
    now: datetime
    groups: Sequence[ChangedGroup]
    presence: Sequence[WorkerPresence]
    nodes: Sequence[HeardNode] | None
    marks: Sequence[LateMark] | None
    since: str | None = None


@asynccontextmanager
async def look(connection: Connection) -> AsyncIterator[None]:
    """Let everything that is read meanwhile be of one snapshot; the connection is in autocommit mode.

    Statements travel together: what is asked for waits for no answer but its own.
    """
    async with connection.pipeline(), connection.transaction():
        await connection.execute(_SQL["begin"])
        yield


async def news_since(
    connection: Connection, snapshot: str | None, *, generation: str | None = None, chores: bool = True
) -> RawNews:
    """Return what was committed since a snapshot.

    Args:
        connection: Within `look`.
        snapshot: Of an earlier look; None = all that there is.
        generation: Of the store that the snapshot is of; of another store, all that there is is told.
        chores: Whether nodes and late marks are looked at as well.

    Raises:
        CursorMalformed: The snapshot was not given out here.
    """
    if snapshot is not None and not _SNAPSHOT.fullmatch(snapshot):
        raise CursorMalformed(snapshot)
    # Before ingest ever ran, a store has no name.
    asked = {"cursor": snapshot, "generation": generation or None}
    async with connection.cursor(binary=True) as here, connection.cursor(binary=True) as rows:
        try:  # of statements that travel together, any may be the one that hears of the first one's fault
            await here.execute(_SQL["cursor"])
            await rows.execute(_SQL["groups"], asked)
            workers = await ingest_presence.ask(connection)
            groups = [ChangedGroup(*each) for each in sorted(await rows.fetchall(), key=itemgetter(0))]
        except psycopg.DataError:
            raise CursorMalformed(snapshot or "") from None
        row = await here.fetchone()
    assert row is not None
    next_snapshot, now, living = row
    presence = await ingest_presence.told(workers)
    found = await nodes(connection) if chores else None
    marks = await alert_late.marks(connection) if chores else None
    since = snapshot if generation in (None, "", living) else None
    return RawNews(next_snapshot, living, now, groups, presence, found, marks, since)


async def nodes(connection: Connection) -> list[HeardNode]:
    """Return when each node was heard of last."""
    return [HeardNode(*row) for row in await (await connection.execute(_SQL["nodes"])).fetchall()]


async def maintenance(connection: Connection, since: datetime) -> list[MaintenanceWindow]:
    """Return maintenance windows that are not over since then, and those that repeat."""
    found = await connection.execute(_SQL["maintenance"], {"since": since})
    return [MaintenanceWindow(*row) for row in await found.fetchall()]


async def platform(connection: Connection) -> dict[tuple[str, int | None], float]:
    """Return figures of nodes and platform by metric and node."""
    found = await connection.execute(_SQL["platform"])
    return {(row[0], row[1]): row[2] for row in await found.fetchall() if row[2] is not None}
