"""GET /completeness, /gaps, /conflicts, /nodes/{node_id}/ledger."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from siloscope_dashboards.auth.guard import LoggedIn
from siloscope_dashboards.completeness.models import Cause, Completeness, Conflict, Gap, NodeLedger
from siloscope_dashboards.completeness.window import Days, Span, days, span
from siloscope_dashboards.errors import NotFound
from siloscope_dashboards.pages import Page, PathId, QueryId
from siloscope_dashboards.ports import Readings, Scope
from siloscope_dashboards.problems import documented
from siloscope_dashboards.series.window import Instant
from siloscope_dashboards.wiring import ReadingsPort, Wiring, wiring

MOST_GROUPS, DEFAULT_GROUPS = 500, 100
MOST_ROWS, DEFAULT_ROWS = 1_000, 200

router = APIRouter(tags=["completeness"], responses=documented(401))
Cursor = Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS)]
_Date = Annotated[str | None, Query(max_length=10, description="A local date of the site: 2026-01-31")]


async def asked_scope(
    login: LoggedIn,
    readings: ReadingsPort,
    site_id: QueryId = None,
    place_id: QueryId = None,
    device_id: QueryId = None,
    channel_id: QueryId = None,
) -> Scope:
    """Return what the query is about.

    Raises:
        NotFound: One of these is not there.
    """
    scope = Scope(site_id, place_id, device_id, channel_id)
    await _require(readings, login.identity.org_id, scope)
    return scope


async def asked_days(
    wired: Annotated[Wiring, Depends(wiring)],
    first: Annotated[_Date, Query(alias="from")] = None,
    last: Annotated[_Date, Query(alias="to")] = None,
) -> Days:
    """Return the days that the query asks for."""
    return days(first, last, wired.clock)


async def asked_span(
    wired: Annotated[Wiring, Depends(wiring)],
    begins: Annotated[Instant, Query(alias="from")] = None,
    ends: Annotated[Instant, Query(alias="to")] = None,
) -> Span:
    """Return the span that the query asks for."""
    return span(begins, ends, wired.clock)


AskedScope = Annotated[Scope, Depends(asked_scope)]
AskedSpan = Annotated[Span, Depends(asked_span)]


@router.get("/completeness", responses=documented(404))
async def list_completeness(
    login: LoggedIn,
    readings: ReadingsPort,
    scope: AskedScope,
    asked: Annotated[Days, Depends(asked_days)],
    by: Literal["group", "channel"] = "group",
    limit: Annotated[int, Query(ge=1, le=MOST_GROUPS)] = DEFAULT_GROUPS,
    cursor: Cursor = None,
) -> Page[Completeness]:
    """Return per group, or per channel, and local date what was expected, what is stored and why the rest is not.

    A page holds `limit` groups with all their channels. Unless told, the last 30 days.
    """
    by_channel = by == "channel" or scope.channel_id is not None
    return await readings.completeness(
        login.identity.org_id, scope, asked, by_channel=by_channel, limit=limit, cursor=cursor
    )


@router.get("/gaps", responses=documented(404))
async def list_gaps(
    login: LoggedIn,
    readings: ReadingsPort,
    scope: AskedScope,
    asked: AskedSpan,
    cause: Cause | None = None,
    limit: Limit = DEFAULT_ROWS,
    cursor: Cursor = None,
) -> Page[Gap]:
    """Return what is missing, with its cause, newest first. Unless told, of the last 30 days."""
    return await readings.gaps(login.identity.org_id, scope, asked, cause=cause, limit=limit, cursor=cursor)


@router.get("/conflicts", responses=documented(404))
async def list_conflicts(
    login: LoggedIn,
    readings: ReadingsPort,
    scope: AskedScope,
    asked: AskedSpan,
    limit: Limit = DEFAULT_ROWS,
    cursor: Cursor = None,
) -> Page[Conflict]:
    """Return readings that came twice with different values, newest first: the first was kept."""
    return await readings.conflicts(login.identity.org_id, scope, asked, limit=limit, cursor=cursor)


@router.get("/nodes/{node_id}/ledger", responses=documented(404))
async def show_ledger(node_id: PathId, login: LoggedIn, readings: ReadingsPort) -> NodeLedger:
    """Return which numbers of a node's packs are accounted for, and what became of the others."""
    ledger = await readings.node_ledger(login.identity.org_id, node_id)
    if ledger is None:
        raise NotFound("node", node_id)
    return ledger


async def _require(readings: Readings, org_id: int, scope: Scope) -> None:
    """Tell what is complete from what is not there."""
    if scope.site_id is not None and await readings.site(org_id, scope.site_id) is None:
        raise NotFound("site", scope.site_id)
    if scope.place_id is not None and await readings.place(org_id, scope.place_id) is None:
        raise NotFound("place", scope.place_id)
    if scope.device_id is not None and not await readings.has_device(org_id, scope.device_id):
        raise NotFound("device", scope.device_id)
    if scope.channel_id is not None and await readings.channel(org_id, scope.channel_id) is None:
        raise NotFound("channel", scope.channel_id)
