"""Notification channels, routes and digests as people edit them. Secrets go in, and never come out of here."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, LiteralString
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from siloscope_contract.alerts.routes import Channel, Digest, Route
from siloscope_store import audit, notify_outbox
from siloscope_store.alert_rules import document_of
from siloscope_store.connections import Connected
from siloscope_store.notify_outbox import NewNotification
from siloscope_store.statements import statements

_SQL = statements("notify_documents.sql")


class StoredChannel(msgspec.Struct, frozen=True):
    """A channel; `secrets` are their names alone."""

    channel_id: int
    slug: str
    kind: str
    document: dict[str, Any]
    secrets: list[str]
    failing_since: datetime | None
    last_delivered_at: datetime | None
    changed_at: datetime


class StoredRoute(msgspec.Struct, frozen=True):
    """A route and its place among the others."""

    slug: str
    place: int
    document: dict[str, Any]
    changed_at: datetime


class StoredDigest(msgspec.Struct, frozen=True):
    """A digest, and when it is due next."""

    slug: str
    document: dict[str, Any]
    next_at: datetime
    last_at: datetime | None


async def channels(connection: Connected, org_id: int, slug: str | None = None) -> list[StoredChannel]:
    """Return an organisation's channels, or the one of a name, by slug."""
    async with connection.cursor(row_factory=class_row(StoredChannel)) as rows:
        await rows.execute(_SQL["channels"], {"org_id": org_id, "slug": slug})
        return await rows.fetchall()


async def routes(connection: Connected, org_id: int, slug: str | None = None) -> list[StoredRoute]:
    """Return an organisation's routes, or the one of a name, in the order in which they are asked."""
    async with connection.cursor(row_factory=class_row(StoredRoute)) as rows:
        await rows.execute(_SQL["routes"], {"org_id": org_id, "slug": slug})
        return await rows.fetchall()


async def digests(connection: Connected, org_id: int, slug: str | None = None) -> list[StoredDigest]:
    """Return an organisation's digests, or the one of a name, by slug."""
    async with connection.cursor(row_factory=class_row(StoredDigest)) as rows:
        await rows.execute(_SQL["digests"], {"org_id": org_id, "slug": slug})
        return await rows.fetchall()


async def put_channel(
    connection: Connected, org_id: int, channel: Channel, secrets: Mapping[str, str] | None, *, author: str
) -> None:
    """Add or change a channel; without secrets it keeps those that it has."""
    new = {"slug": channel.channel, "kind": channel.kind, "secrets": None if secrets is None else Jsonb(dict(secrets))}
    await _put(connection, org_id, channel, new, author=author, what="channel")


async def put_route(connection: Connected, org_id: int, route: Route, *, place: int, author: str) -> None:
    """Add or change a route."""
    await _put(connection, org_id, route, {"slug": route.route, "place": place}, author=author, what="route")


async def put_digest(connection: Connected, org_id: int, digest: Digest, *, author: str) -> None:
    """Add or change a digest; it is due at its next local time."""
    told = {"slug": digest.digest, "every": digest.every, "local": digest.at, "time_zone": digest.time_zone}
    await _put(connection, org_id, digest, told, author=author, what="digest")


async def remove_channel(connection: Connected, org_id: int, slug: str, *, author: str) -> bool:
    """Take a channel out of use and forget its secrets; return whether there was one."""
    return await _remove(connection, org_id, slug, author=author, what="channel")


async def remove_route(connection: Connected, org_id: int, slug: str, *, author: str) -> bool:
    """Take a route out of use; return whether there was one."""
    return await _remove(connection, org_id, slug, author=author, what="route")


async def remove_digest(connection: Connected, org_id: int, slug: str, *, author: str) -> bool:
    """Take a digest out of use; return whether there was one."""
    return await _remove(connection, org_id, slug, author=author, what="digest")


async def users_of(connection: Connected, org_id: int, channel: str) -> list[str]:
    """Return which routes and digests send to a channel, as people name them."""
    sending = [
        f"route {each.slug}"
        for each in await routes(connection, org_id)
        if any(channel in step["channels"] for step in each.document["steps"])
    ]
    regular = [each for each in await digests(connection, org_id) if channel in each.document["channels"]]
    return sending + [f"digest {each.slug}" for each in regular]


async def send_test(connection: Connected, org_id: int, slug: str, *, author: str) -> UUID | None:
    """Put a test message into the outbox; whoever holds the evaluator's term sends it as any other.

    Returns:
        Its id; None where there is no such channel.
    """
    async with connection.transaction():
        found = await channels(connection, org_id, slug)
        if not found:
            return None
        row = await (await connection.execute(_SQL["now"])).fetchone()
        assert row is not None
        dedup_key = f"test/{found[0].channel_id}/{uuid4().hex}"
        message = NewNotification(
            notification_id=uuid5(NAMESPACE_URL, dedup_key),
            dedup_key=dedup_key,
            org_id=org_id,
            channel_id=found[0].channel_id,
            kind="test",
            severity="info",
            due_at=row[0],
            payload={"author": author, "at": row[0].isoformat()},
        )
        await notify_outbox.enqueue(connection, [message])
        await audit.record_for(connection, audit.Deed(author, "notify.channel.test", slug), org_id)
    return message.notification_id


async def _put(
    connection: Connected, org_id: int, document: msgspec.Struct, told: dict[str, Any], *, author: str, what: str
) -> None:
    statement: LiteralString = _SQL[f"put_{what}"]
    async with connection.transaction():
        await connection.execute(statement, {**told, "org_id": org_id, "document": Jsonb(document_of(document))})
        await audit.record_for(connection, audit.Deed(author, f"notify.{what}.apply", str(told["slug"])), org_id)


async def _remove(connection: Connected, org_id: int, slug: str, *, author: str, what: str) -> bool:
    async with connection.transaction():
        found = await connection.execute(_SQL[f"remove_{what}"], {"org_id": org_id, "slug": slug})
        if found.rowcount:
            await audit.record_for(connection, audit.Deed(author, f"notify.{what}.remove", slug), org_id)
        return bool(found.rowcount)
