"""GET /channels/{channel_id}/series."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from siloscope_dashboards.auth.guard import LoggedIn
from siloscope_dashboards.errors import NotFound
from siloscope_dashboards.pages import PathId
from siloscope_dashboards.problems import documented
from siloscope_dashboards.series.models import Series
from siloscope_dashboards.series.window import DEFAULT_POINTS, MOST_POINTS, Instant, Window, window
from siloscope_dashboards.wiring import ReadingsPort, Wiring, wiring

router = APIRouter(tags=["series"], responses=documented(401))


async def asked_window(
    wired: Annotated[Wiring, Depends(wiring)],
    begins: Annotated[Instant, Query(alias="from")] = None,
    ends: Annotated[Instant, Query(alias="to")] = None,
    points: Annotated[int, Query(ge=1, le=MOST_POINTS)] = DEFAULT_POINTS,
) -> Window:
    """Return the span that the query asks for."""
    return window(begins, ends, points, wired.clock)


@router.get("/channels/{channel_id}/series", responses=documented(404))
async def show_series(
    channel_id: PathId, login: LoggedIn, readings: ReadingsPort, asked: Annotated[Window, Depends(asked_window)]
) -> Series:
    """Return what a channel measured: every reading where they fit into `points`, else buckets with min, mean and max.

    Long spans come from roll-ups; `level` says which. Unless told, the last 24 hours. Failed readings are counted as
    `bad` and have no value.
    """
    series = await readings.series(login.identity.org_id, channel_id, asked)
    if series is None:
        raise NotFound("channel", channel_id)
    return series
