"""Channels, routes, digests and the outbox, from the database. Secrets go in, and none comes out."""

from collections.abc import Mapping

from siloscope_contract.alerts.addresses import channel_faults, digest_faults, route_faults
from siloscope_contract.alerts.routes import Channel, Digest, Route
from siloscope_dashboards.auth.tokens import Identity
from siloscope_dashboards.database import lent, own_cursor
from siloscope_dashboards.documents import refused
from siloscope_dashboards.errors import Conflict
from siloscope_dashboards.notifications.models import (
    NotifyChannel,
    NotifyChannels,
    NotifyDigest,
    NotifyDigests,
    NotifyRoute,
    NotifyRoutes,
    OnItsWay,
    Outbox,
    OutboxEntry,
)
from siloscope_store import alert_lists, notify_documents
from siloscope_store.connections import Connected, Pool

_DOCUMENT = "body.document"


class DatabaseNotifying:
    """Who is told, of one organisation at a time.

    Args:
        pool: An open pool.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def channels(self, org_id: int) -> NotifyChannels:
        async with lent(self._pool) as connection:
            found = await notify_documents.channels(connection, org_id)
        return NotifyChannels(items=[NotifyChannel.model_validate(each, from_attributes=True) for each in found])

    async def channel(self, org_id: int, slug: str) -> NotifyChannel | None:
        async with lent(self._pool) as connection:
            found = await notify_documents.channels(connection, org_id, slug)
        return NotifyChannel.model_validate(found[0], from_attributes=True) if found else None

    async def put_channel(
        self, identity: Identity, channel: Channel, secrets: Mapping[str, str] | None
    ) -> NotifyChannel:
        async with lent(self._pool) as connection, connection.transaction():
            before = await notify_documents.channels(connection, identity.org_id, channel.channel)
            kept = before[0].secrets if before else []
            problems = channel_faults(channel, kept if secrets is None else list(secrets))
            if problems:
                in_document = [each for each in problems if each.path[0] != "secrets"]
                raise refused(_DOCUMENT, in_document) if in_document else refused("body", problems)
            author = f"user:{identity.username}"
            await notify_documents.put_channel(connection, identity.org_id, channel, secrets, author=author)
            (found,) = await notify_documents.channels(connection, identity.org_id, channel.channel)
        return NotifyChannel.model_validate(found, from_attributes=True)

    async def remove_channel(self, identity: Identity, slug: str) -> bool:
        async with lent(self._pool) as connection, connection.transaction():
            naming = await notify_documents.users_of(connection, identity.org_id, slug)
            if naming:
                raise Conflict(f"channel {slug} is named by {', '.join(naming)}: change or remove these first")
            author = f"user:{identity.username}"
            return await notify_documents.remove_channel(connection, identity.org_id, slug, author=author)

    async def routes(self, org_id: int) -> NotifyRoutes:
        async with lent(self._pool) as connection:
            found = await notify_documents.routes(connection, org_id)
        return NotifyRoutes(items=[NotifyRoute.model_validate(each, from_attributes=True) for each in found])

    async def route(self, org_id: int, slug: str) -> NotifyRoute | None:
        async with lent(self._pool) as connection:
            found = await notify_documents.routes(connection, org_id, slug)
        return NotifyRoute.model_validate(found[0], from_attributes=True) if found else None

    async def put_route(self, identity: Identity, route: Route, place: int) -> NotifyRoute:
        async with lent(self._pool) as connection, connection.transaction():
            problems = route_faults(route, await _channel_names(connection, identity.org_id))
            if problems:
                raise refused(_DOCUMENT, problems)
            author = f"user:{identity.username}"
            await notify_documents.put_route(connection, identity.org_id, route, place=place, author=author)
            (found,) = await notify_documents.routes(connection, identity.org_id, route.route)
        return NotifyRoute.model_validate(found, from_attributes=True)

    async def remove_route(self, identity: Identity, slug: str) -> bool:
        async with lent(self._pool) as connection:
            author = f"user:{identity.username}"
            return await notify_documents.remove_route(connection, identity.org_id, slug, author=author)

    async def digests(self, org_id: int) -> NotifyDigests:
        async with lent(self._pool) as connection:
            found = await notify_documents.digests(connection, org_id)
        return NotifyDigests(items=[NotifyDigest.model_validate(each, from_attributes=True) for each in found])

    async def digest(self, org_id: int, slug: str) -> NotifyDigest | None:
        async with lent(self._pool) as connection:
            found = await notify_documents.digests(connection, org_id, slug)
        return NotifyDigest.model_validate(found[0], from_attributes=True) if found else None

    async def put_digest(self, identity: Identity, digest: Digest) -> NotifyDigest:
        async with lent(self._pool) as connection, connection.transaction():
            problems = digest_faults(digest, await _channel_names(connection, identity.org_id))
            if problems:
                raise refused(_DOCUMENT, problems)
            author = f"user:{identity.username}"
            await notify_documents.put_digest(connection, identity.org_id, digest, author=author)
            (found,) = await notify_documents.digests(connection, identity.org_id, digest.digest)
        return NotifyDigest.model_validate(found, from_attributes=True)

    async def remove_digest(self, identity: Identity, slug: str) -> bool:
        async with lent(self._pool) as connection:
            author = f"user:{identity.username}"
            return await notify_documents.remove_digest(connection, identity.org_id, slug, author=author)

    async def send_test(self, identity: Identity, slug: str) -> OnItsWay | None:
        async with lent(self._pool) as connection:
            author = f"user:{identity.username}"
            sent = await notify_documents.send_test(connection, identity.org_id, slug, author=author)
        return None if sent is None else OnItsWay(notification_id=str(sent))

    async def outbox(
        self, org_id: int, *, state: str | None, channel: str | None, limit: int, cursor: str | None
    ) -> Outbox:
        async with own_cursor(cursor), lent(self._pool) as connection:
            found = await alert_lists.messages(
                connection, org_id, limit=limit + 1, cursor=cursor, state=state, channel=channel
            )
        items = [OutboxEntry.model_validate(each, from_attributes=True) for each in found[:limit]]
        return Outbox(items=items, next_cursor=alert_lists.cursor_of(found[limit - 1]) if len(found) > limit else None)


async def _channel_names(connection: Connected, org_id: int) -> list[str]:
    return [each.slug for each in await notify_documents.channels(connection, org_id)]
