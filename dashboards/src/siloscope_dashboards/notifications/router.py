"""Channels, routes and digests: GET, PUT and DELETE under /notify; POST of a test message; GET of the outbox."""

from typing import Annotated, Literal, TypeVar

import msgspec
from fastapi import APIRouter, Query

from siloscope_contract.alerts.routes import Channel, Digest, Route
from siloscope_contract.alerts.validation import Problem
from siloscope_dashboards.auth.guard import Administrator, LoggedIn, Operator
from siloscope_dashboards.documents import read, refused
from siloscope_dashboards.errors import NotFound
from siloscope_dashboards.notifications.models import (
    NewChannel,
    NewDigest,
    NewRoute,
    NotifyChannel,
    NotifyChannels,
    NotifyDigest,
    NotifyDigests,
    NotifyRoute,
    NotifyRoutes,
    OnItsWay,
    Outbox,
    Removed,
)
from siloscope_dashboards.pages import PathSlug, QuerySlug
from siloscope_dashboards.problems import documented
from siloscope_dashboards.wiring import NotifyingPort

MOST_MESSAGES, DEFAULT_MESSAGES = 500, 100
_DOCUMENT = "body.document"

router = APIRouter(prefix="/notify", tags=["notifications"], responses=documented(401))
Found = TypeVar("Found")


@router.get("/channels")
async def list_channels(login: LoggedIn, notifying: NotifyingPort) -> NotifyChannels:
    """Return the ways to people and programs, without their secrets."""
    return await notifying.channels(login.identity.org_id)


@router.get("/channels/{slug}", responses=documented(404))
async def show_channel(slug: PathSlug, login: LoggedIn, notifying: NotifyingPort) -> NotifyChannel:
    """Return one of them."""
    return _found(await notifying.channel(login.identity.org_id, slug), "channel", slug)


@router.put("/channels/{slug}", responses=documented(403))
async def put_channel(
    slug: PathSlug, order: NewChannel, login: Administrator, notifying: NotifyingPort
) -> NotifyChannel:
    """Add or change a channel; without `secrets` it keeps those that it has."""
    channel = read(Channel, order.document, _DOCUMENT)
    _same_name(channel.channel, slug, channel)
    return await notifying.put_channel(login.identity, channel, order.secrets)


@router.delete("/channels/{slug}", responses=documented(403, 404, 409))
async def remove_channel(slug: PathSlug, login: Administrator, notifying: NotifyingPort) -> Removed:
    """Take a channel that no route and no digest names out of use, and forget its secrets."""
    return _removed(await notifying.remove_channel(login.identity, slug), "channel", slug)


@router.post("/channels/{slug}/test", responses=documented(403, 404))
async def send_test(slug: PathSlug, login: Operator, notifying: NotifyingPort) -> OnItsWay:
    """Send a test message the whole way; the outbox says how it went."""
    return _found(await notifying.send_test(login.identity, slug), "channel", slug)


@router.get("/routes")
async def list_routes(login: LoggedIn, notifying: NotifyingPort) -> NotifyRoutes:
    """Return which incidents go where, in the order in which routes are asked."""
    return await notifying.routes(login.identity.org_id)


@router.get("/routes/{slug}", responses=documented(404))
async def show_route(slug: PathSlug, login: LoggedIn, notifying: NotifyingPort) -> NotifyRoute:
    """Return one of them."""
    return _found(await notifying.route(login.identity.org_id, slug), "route", slug)


@router.put("/routes/{slug}", responses=documented(403))
async def put_route(slug: PathSlug, order: NewRoute, login: Administrator, notifying: NotifyingPort) -> NotifyRoute:
    """Add or change a route."""
    route = read(Route, order.document, _DOCUMENT)
    _same_name(route.route, slug, route)
    return await notifying.put_route(login.identity, route, order.place)


@router.delete("/routes/{slug}", responses=documented(403, 404))
async def remove_route(slug: PathSlug, login: Administrator, notifying: NotifyingPort) -> Removed:
    """Take a route out of use."""
    return _removed(await notifying.remove_route(login.identity, slug), "route", slug)


@router.get("/digests")
async def list_digests(login: LoggedIn, notifying: NotifyingPort) -> NotifyDigests:
    """Return the regular messages."""
    return await notifying.digests(login.identity.org_id)


@router.get("/digests/{slug}", responses=documented(404))
async def show_digest(slug: PathSlug, login: LoggedIn, notifying: NotifyingPort) -> NotifyDigest:
    """Return one of them."""
    return _found(await notifying.digest(login.identity.org_id, slug), "digest", slug)


@router.put("/digests/{slug}", responses=documented(403))
async def put_digest(slug: PathSlug, order: NewDigest, login: Administrator, notifying: NotifyingPort) -> NotifyDigest:
    """Add or change a digest; it is due at its next local time."""
    digest = read(Digest, order.document, _DOCUMENT)
    _same_name(digest.digest, slug, digest)
    return await notifying.put_digest(login.identity, digest)


@router.delete("/digests/{slug}", responses=documented(403, 404))
async def remove_digest(slug: PathSlug, login: Administrator, notifying: NotifyingPort) -> Removed:
    """Take a digest out of use."""
    return _removed(await notifying.remove_digest(login.identity, slug), "digest", slug)


@router.get("/outbox")
async def list_outbox(
    login: LoggedIn,
    notifying: NotifyingPort,
    state: Literal["queued", "sending", "delivered", "held", "given_up"] | None = None,
    channel: QuerySlug = None,
    limit: Annotated[int, Query(ge=1, le=MOST_MESSAGES)] = DEFAULT_MESSAGES,
    cursor: Annotated[str | None, Query(pattern=r"^[0-9T:.-]{19,26}Z_[0-9a-f]{32}$")] = None,
) -> Outbox:
    """Return messages on their way out and those that went out, newest first."""
    return await notifying.outbox(login.identity.org_id, state=state, channel=channel, limit=limit, cursor=cursor)


def _found(found: Found | None, what: str, slug: str) -> Found:
    if found is None:
        raise NotFound(what, slug)
    return found


def _removed(removed: bool, what: str, slug: str) -> Removed:
    if not removed:
        raise NotFound(what, slug)
    return Removed(removed=slug)


def _same_name(name: str, slug: str, document: msgspec.Struct) -> None:
    if name != slug:
        key = type(document).__name__.lower()
        raise refused(_DOCUMENT, [Problem((key,), repr(name), f"{slug!r}, as in the path")])
