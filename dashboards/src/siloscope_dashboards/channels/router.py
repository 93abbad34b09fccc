"""GET /channels, /channels/{channel_id}."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from siloscope_dashboards.auth.guard import LoggedIn
from siloscope_dashboards.channels.models import Channel
from siloscope_dashboards.errors import NotFound
from siloscope_dashboards.pages import Page, PathId, QueryId
from siloscope_dashboards.ports import ChannelFilter
from siloscope_dashboards.problems import documented
from siloscope_dashboards.wiring import ReadingsPort

MOST_CHANNELS = 1_000
DEFAULT_CHANNELS = 200

router = APIRouter(tags=["channels"], responses=documented(401))
_Text = Annotated[str | None, Query(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]


async def channel_filter(
    site_id: QueryId = None,
    place_id: QueryId = None,
    device_id: QueryId = None,
    quantity: _Text = None,
    search: _Text = None,
) -> ChannelFilter:
    """Return which channels the query wants."""
    return ChannelFilter(site_id, place_id, device_id, quantity, search)


@router.get("/channels", responses=documented(404))
async def list_channels(
    login: LoggedIn,
    readings: ReadingsPort,
    wanted: Annotated[ChannelFilter, Depends(channel_filter)],
    limit: Annotated[int, Query(ge=1, le=MOST_CHANNELS)] = DEFAULT_CHANNELS,
    cursor: Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")] = None,
) -> Page[Channel]:
    """Return channels with their newest reading. `search` looks in keys, titles, devices and places."""
    org_id = login.identity.org_id
    page = await readings.channels(org_id, wanted, limit, cursor)
    if not page.items:
        await _require(readings, org_id, wanted)
    return page


@router.get("/channels/{channel_id}", responses=documented(404))
async def show_channel(channel_id: PathId, login: LoggedIn, readings: ReadingsPort) -> Channel:
    """Return one channel with its newest reading."""
    channel = await readings.channel(login.identity.org_id, channel_id)
    if channel is None:
        raise NotFound("channel", channel_id)
    return channel


async def _require(readings: ReadingsPort, org_id: int, wanted: ChannelFilter) -> None:
    """Tell an empty list from a list of what is not there. Only an empty answer pays for these queries."""
    if wanted.site_id is not None and await readings.site(org_id, wanted.site_id) is None:
        raise NotFound("site", wanted.site_id)
    if wanted.place_id is not None and await readings.place(org_id, wanted.place_id) is None:
        raise NotFound("place", wanted.place_id)
    if wanted.device_id is not None and not await readings.has_device(org_id, wanted.device_id):
        raise NotFound("device", wanted.device_id)
