"""GET /live."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header

from siloscope_dashboards.auth.guard import LoggedIn
from siloscope_dashboards.errors import NotFound
from siloscope_dashboards.forms import events_only
from siloscope_dashboards.live.events import opening
from siloscope_dashboards.live.hub import Audience
from siloscope_dashboards.live.models import Change
from siloscope_dashboards.live.stream import LiveStream
from siloscope_dashboards.pages import QueryId
from siloscope_dashboards.problems import documented
from siloscope_dashboards.wiring import Wiring, wiring

router = APIRouter(tags=["live"], responses=documented(401))
LastEventId = Annotated[
    str | None, Header(max_length=4_000, description="The id of the last event seen; goes on there")
]
_STREAM = {"description": "Server-Sent Events", "content": {"text/event-stream": {"schema": {"type": "string"}}}}


@router.get(
    "/live",
    status_code=200,
    response_class=LiveStream,
    responses={200: _STREAM, **documented(404)},
    dependencies=[Depends(events_only)],
    openapi_extra={"x-event-data": Change.model_json_schema()},
)
async def live(
    login: LoggedIn,
    wired: Annotated[Wiring, Depends(wiring)],
    site_id: QueryId = None,
    place_id: QueryId = None,
    last_event_id: LastEventId = None,
) -> LiveStream:
    """Return new readings as they come: events `latest`, a comment every 15 s, `end` when the login runs out.

    With `Last-Event-ID` it begins with the newest reading of every channel that has changed since then.
    """
    org_id = login.identity.org_id
    if site_id is not None and await wired.readings.site(org_id, site_id) is None:
        raise NotFound("site", site_id)
    if place_id is not None and await wired.readings.place(org_id, place_id) is None:
        raise NotFound("place", place_id)
    audience = Audience(org_id, site_id, place_id)

    async def missed() -> bytes:
        return opening(await wired.changes.since(last_event_id, audience))

    expires_in_s = max(0.0, login.expires_s - wired.clock.now_ms() / 1000)
    return LiveStream(wired.hub, audience, missed, wired.clock, expires_in_s, wired.metrics)
