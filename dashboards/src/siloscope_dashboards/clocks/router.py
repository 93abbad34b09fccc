"""GET /nodes/{node_id}/clock, /undated; POST /undated/redate."""

from fastapi import APIRouter

from siloscope_dashboards.auth.guard import Administrator, LoggedIn
from siloscope_dashboards.clocks.models import ClockEvent, Redated, Redating, UndatedPile
from siloscope_dashboards.errors import NotFound
from siloscope_dashboards.pages import Page, PathId
from siloscope_dashboards.problems import documented
from siloscope_dashboards.wiring import MendingPort

router = APIRouter(tags=["clocks"], responses=documented(401))


@router.get("/nodes/{node_id}/clock", responses=documented(404))
async def list_clock_events(node_id: PathId, login: LoggedIn, mending: MendingPort) -> Page[ClockEvent]:
    """Return what a node's clock did, newest first."""
    found = await mending.clock_events(login.identity.org_id, node_id)
    if found is None:
        raise NotFound("node", node_id)
    return Page(items=found)


@router.get("/undated")
async def list_undated(login: LoggedIn, mending: MendingPort) -> Page[UndatedPile]:
    """Return the samples whose times are not believed, by node and reason."""
    return Page(items=await mending.undated(login.identity.org_id))


@router.post("/undated/redate", responses=documented(403, 404, 409))
async def redate(asked: Redating, login: Administrator, mending: MendingPort) -> Redated:
    """Give undated samples their times, a few thousand a request; a dry run unless `dry_run` is false.

    Times of more weeks that nothing is stored of yet than `open_weeks` are a conflict: a wild clock has such times.
    """
    if await mending.clock_events(login.identity.org_id, asked.node_id) is None:
        raise NotFound("node", asked.node_id)
    return await mending.redate(login.identity, asked)
