"""The regular message that all is quiet: when it is due, and what it counts."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from siloscope_store.statements import statements

_SQL = statements("alert_digests.sql")
Connection = AsyncConnection[Any]


class DueDigest(msgspec.Struct, frozen=True):
    """A digest that is due.

    Attributes:
        document: As siloscope_contract.alerts.routes.Digest.
        channel_ids: The ways out that it names and that there are.
        now: The database's clock.
    """

    digest_id: int
    org_id: int
    document: dict[str, Any]
    next_at: datetime
    last_at: datetime | None
    channel_ids: list[int]
    now: datetime


class SiteSensors(msgspec.Struct, frozen=True):
    """How many of a site's channels that measure are live."""

    site: str
    reporting: int
    expected: int


class OpenAlert(msgspec.Struct, frozen=True):
    """An alert that fired and has not ended; `together` is how many the organisation has."""

    alert_id: int
    rule: str
    rule_name: str
    severity: str
    state: str
    reason: str
    subject: str
    site: str
    place: str | None
    labels: dict[str, str]
    facts: dict[str, Any]
    began_at: datetime
    fired_at: datetime | None
    ended_at: datetime | None
    channel_id: int | None
    together: int


class Ways(msgspec.Struct, frozen=True):
    """Slugs of ways out that fail, and how many messages went out."""

    failing: list[str]
    delivered: int


async def due(connection: Connection, term: int) -> list[DueDigest]:
    """Return the digests that are due, locked until the transaction ends; none where a later term began."""
    return await _all(connection, DueDigest, "due", {"term": term})


async def told(connection: Connection, digest_id: int) -> datetime:
    """Note that a digest was told; return when it is due next."""
    row = await (await connection.execute(_SQL["told"], {"digest_id": digest_id})).fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


async def sensors(connection: Connection, org_id: int) -> list[SiteSensors]:
    """Return how many of an organisation's channels that measure are live, by site."""
    return await _all(connection, SiteSensors, "sensors", {"org_id": org_id})


async def open_alerts(connection: Connection, org_id: int, *, most: int = 50) -> list[OpenAlert]:
    """Return what fires or is unknown since, worst first, at most so many."""
    return await _all(connection, OpenAlert, "open", {"org_id": org_id, "most": most})


async def ways(connection: Connection, org_id: int, since: datetime | None) -> Ways:
    """Return how an organisation's ways out do; unless told since a day ago."""
    found: list[Ways] = await _all(connection, Ways, "channels", {"org_id": org_id, "since": since})
    return found[0]


async def stuck(connection: Connection, after_s: float) -> int:
    """Return how many messages nobody tries to send, though they were due so long ago."""
    row = await (await connection.execute(_SQL["stuck"], {"after_s": after_s})).fetchone()
    assert row is not None
    return int(row[0])


async def _all(connection: Connection, kind: type[Any], statement: str, asked: dict[str, Any]) -> list[Any]:
    async with connection.cursor(row_factory=class_row(kind)) as rows:
        await rows.execute(_SQL[statement], asked)
        return await rows.fetchall()
