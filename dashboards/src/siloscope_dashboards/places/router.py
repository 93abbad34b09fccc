"""GET /places, /places/{place_id}."""

from fastapi import APIRouter

from siloscope_dashboards.auth.guard import LoggedIn
from siloscope_dashboards.errors import NotFound
from siloscope_dashboards.pages import Page, PathId, QueryId
from siloscope_dashboards.places.models import Place, PlaceDetail
from siloscope_dashboards.problems import documented
from siloscope_dashboards.wiring import ReadingsPort

router = APIRouter(tags=["places"], responses=documented(401))


@router.get("/places", responses=documented(404))
async def list_places(login: LoggedIn, readings: ReadingsPort, site_id: QueryId = None) -> Page[Place]:
    """Return the places of your organisation, or of one site."""
    org_id = login.identity.org_id
    if site_id is not None and await readings.site(org_id, site_id) is None:
        raise NotFound("site", site_id)
    return Page(items=await readings.places(org_id, site_id))


@router.get("/places/{place_id}", responses=documented(404))
async def show_place(place_id: PathId, login: LoggedIn, readings: ReadingsPort) -> PlaceDetail:
    """Return one place with its channels."""
    place = await readings.place(login.identity.org_id, place_id)
    if place is None:
        raise NotFound("place", place_id)
    return place
