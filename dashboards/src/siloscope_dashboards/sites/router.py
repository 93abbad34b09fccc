"""GET /sites, /sites/{site_id}."""

from fastapi import APIRouter

from siloscope_dashboards.auth.guard import LoggedIn
from siloscope_dashboards.errors import NotFound
from siloscope_dashboards.pages import Page, PathId
from siloscope_dashboards.problems import documented
from siloscope_dashboards.sites.models import Site
from siloscope_dashboards.wiring import ReadingsPort

router = APIRouter(tags=["sites"], responses=documented(401))


@router.get("/sites")
async def list_sites(login: LoggedIn, readings: ReadingsPort) -> Page[Site]:
    """Return every site of your organisation."""
    return Page(items=await readings.sites(login.identity.org_id))


@router.get("/sites/{site_id}", responses=documented(404))
async def show_site(site_id: PathId, login: LoggedIn, readings: ReadingsPort) -> Site:
    """Return one site."""
    site = await readings.site(login.identity.org_id, site_id)
    if site is None:
        raise NotFound("site", site_id)
    return site
