"""Sites, the nodes that report from them, and the instruments behind those."""

from collections import defaultdict
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from siloscope_store.channels import NodeRef
from siloscope_store.statements import statements

_SQL = statements("sites.sql")


class WrongClock(msgspec.Struct, frozen=True):
    """What is wrong with a node's clock: it is ahead now, or it stepped or drifted this week and has not come back."""

    kind: str
    offset_s: float
    since: datetime


class SiteNode(msgspec.Struct, frozen=True):
    """A node of a site; `last_seen_at` is when its newest pack or heartbeat came."""

    id: int
    slug: str
    state: str | None
    last_seen_at: datetime | None
    age_s: float | None
    clock: WrongClock | None


class Site(msgspec.Struct, frozen=True):
    """A site and its channels = reporting + stale + bad + those that never reported, if only placed."""

    id: int
    slug: str
    name: str
    time_zone: str
    latitude: float | None
    longitude: float | None
    places: int
    channels: int
    reporting: int
    stale: int
    bad: int
    nodes: list[SiteNode]


class Device(msgspec.Struct, frozen=True):
    """A physical instrument."""

    id: int
    slug: str
    title: str | None
    profile: str | None
    node: NodeRef
    site_id: int
    channels: int
    attributes: dict[str, Any]


async def sites(
    connection: AsyncConnection[Any], org_id: int, *, now: datetime, site_id: int | None = None
) -> list[Site]:
    """Return an organisation's sites by name, or the one that is asked for."""
    parameters = {"org_id": org_id, "site_id": site_id, "now": now}
    nodes: dict[int, list[SiteNode]] = defaultdict(list)
    async with connection.cursor(row_factory=dict_row) as rows:
        await rows.execute(_SQL["nodes"], parameters)
        for row in await rows.fetchall():
            nodes[row["site_id"]].append(_node(row, now))
        await rows.execute(_SQL["sites"], parameters)
        return [Site(**row, nodes=nodes[row["id"]]) for row in await rows.fetchall()]


async def site(connection: AsyncConnection[Any], org_id: int, site_id: int, *, now: datetime) -> Site | None:
    """Return one site; None where this organisation has none of that number."""
    found = await sites(connection, org_id, now=now, site_id=site_id)
    return found[0] if found else None


async def devices(connection: AsyncConnection[Any], org_id: int, *, site_id: int | None = None) -> list[Device]:
    """Return an organisation's instruments, by node and name."""
    async with connection.cursor(row_factory=dict_row) as rows:
        await rows.execute(_SQL["devices"], {"org_id": org_id, "site_id": site_id})
        return [_device(row) for row in await rows.fetchall()]


def _node(row: dict[str, Any], now: datetime) -> SiteNode:
    seen_at = row["last_seen_at"]
    age_s = None if seen_at is None else (now - seen_at).total_seconds()
    kind = row["clock_kind"]
    clock = None if kind is None else WrongClock(kind, row["clock_offset_s"], row["clock_since"])
    return SiteNode(row["node_id"], row["slug"], row["state"], seen_at, age_s, clock)


def _device(row: dict[str, Any]) -> Device:
    node = NodeRef(row.pop("node_id"), row.pop("node_slug"))
    return Device(**row, node=node)
