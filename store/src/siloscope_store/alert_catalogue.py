"""What alerting watches: every living channel with where it is, and the rules that count."""

import asyncio
from typing import Any

import msgspec
from psycopg import AsyncConnection

from siloscope_store.statements import statements

_SQL = statements("alert_catalogue.sql")
Connection = AsyncConnection[Any]
_AT_ONCE = 2_000


class WatchedChannel(msgspec.Struct, frozen=True, gc=False):
    """A channel, its place of today, and what is expected of it.

    Attributes:
        device_attributes: As they stand at its device.
        place_attributes: As they stand at its place; empty where it has none.
        allowance_s: How late a sample may come and be in time.
    """

    channel_id: int
    group_id: int
    position: int
    org_id: int
    site_id: int
    node_id: int
    device_id: int
    place_id: int | None
    site: str
    node: str
    device: str
    key: str
    place: str | None
    place_kind: str | None
    spot: str | None
    cable: int | None
    level: int | None
    quantity: str
    unit: str
    device_attributes: dict[str, Any]
    place_attributes: dict[str, Any]
    interval_s: float | None
    allowance_s: float
    vitals: bool
    time_zone: str
    title: str
    device_title: str


class StoredRule(msgspec.Struct, frozen=True):
    """A rule that counts; `document` is a siloscope_contract.alerts Rule."""

    rule_id: int
    version: int
    org_id: int
    document: dict[str, Any]


async def channels(connection: Connection) -> list[WatchedChannel]:
    """Return all living channels by (group_id, position); whoever else waits gets a turn now and then."""
    found: list[WatchedChannel] = []
    async with connection.cursor(binary=True) as rows:
        await rows.execute(_SQL["channels"])
        while some := await rows.fetchmany(_AT_ONCE):
            found += [WatchedChannel(*row) for row in some]
            await asyncio.sleep(0)
    return found


async def names(connection: Connection) -> dict[tuple[str, int], str]:
    """Return how organisations, sites, nodes and places are called, by kind and id."""
    found = await connection.execute(_SQL["names"])
    return {(row[0], row[1]): row[2] for row in await found.fetchall()}


async def fingerprint(connection: Connection) -> str:
    """Return a text that differs where channels, places or placements do."""
    return await _text(connection, "fingerprint")


async def rules(connection: Connection) -> list[StoredRule]:
    """Return the rules that count, each in its newest version."""
    return [StoredRule(*row) for row in await (await connection.execute(_SQL["rules"])).fetchall()]


async def rules_fingerprint(connection: Connection) -> str:
    """Return a text that differs where a rule does."""
    return await _text(connection, "rules_fingerprint")


async def _text(connection: Connection, name: str) -> str:
    row = await (await connection.execute(_SQL[name])).fetchone()
    assert row is not None
    return str(row[0])
