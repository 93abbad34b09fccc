"""GET /devices."""

from fastapi import APIRouter

from siloscope_dashboards.auth.guard import LoggedIn
from siloscope_dashboards.devices.models import Device
from siloscope_dashboards.errors import NotFound
from siloscope_dashboards.pages import Page, QueryId
from siloscope_dashboards.problems import documented
from siloscope_dashboards.wiring import ReadingsPort

router = APIRouter(tags=["devices"], responses=documented(401))


@router.get("/devices", responses=documented(404))
async def list_devices(login: LoggedIn, readings: ReadingsPort, site_id: QueryId = None) -> Page[Device]:
    """Return the instruments of your organisation, or of one site."""
    org_id = login.identity.org_id
    if site_id is not None and await readings.site(org_id, site_id) is None:
        raise NotFound("site", site_id)
    return Page(items=await readings.devices(org_id, site_id))
