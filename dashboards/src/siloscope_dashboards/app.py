"""The ASGI application: routers in, one list of middleware around them."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from siloscope_dashboards import problems
from siloscope_dashboards.access_log import AccessLog
from siloscope_dashboards.alerts.link_page import router as links
from siloscope_dashboards.alerts.router import router as alerts
from siloscope_dashboards.auth.router import router as auth
from siloscope_dashboards.body_limit import BodyLimit
from siloscope_dashboards.channels.router import router as channels
from siloscope_dashboards.clocks.router import router as clocks
from siloscope_dashboards.completeness.router import router as completeness
from siloscope_dashboards.devices.router import router as devices
from siloscope_dashboards.exports.router import router as exports
from siloscope_dashboards.forms import json_only
from siloscope_dashboards.headers import SecurityHeaders
from siloscope_dashboards.heads import HeadAsGet
from siloscope_dashboards.live.router import router as live
from siloscope_dashboards.nodes.router import router as nodes
from siloscope_dashboards.notifications.router import router as notifications
from siloscope_dashboards.openapi import describe
from siloscope_dashboards.operations.router import router as operations
from siloscope_dashboards.page.router import router as page
from siloscope_dashboards.places.router import router as places
from siloscope_dashboards.quarantine.router import router as quarantine
from siloscope_dashboards.retention.router import router as retention
from siloscope_dashboards.rules.router import router as rules
from siloscope_dashboards.series.router import router as series
from siloscope_dashboards.silences.router import router as silences
from siloscope_dashboards.sites.router import router as sites
from siloscope_dashboards.wiring import Wiring

PREFIX = "/api/v1"
_SMALLEST_COMPRESSED_BYTES = 1_000
_COMPRESSION = 5


def create_app(wiring: Wiring) -> FastAPI:
    """Return the application; it starts and ends nothing, so a test runs it in-process.

    Args:
        wiring: The parts it is made of.
    """
    app = FastAPI(
        title="Siloscope",
        version="1",
        description="Stored grain and produce, and the weather around it: sites, places, channels and what they read.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # both documentation pages load scripts from elsewhere, which the page's policy forbids
        redoc_url=None,
        redirect_slashes=False,
        middleware=[
            Middleware(AccessLog, clock=wiring.clock, metrics=wiring.metrics),
            Middleware(SecurityHeaders),
            Middleware(HeadAsGet),
            Middleware(GZipMiddleware, minimum_size=_SMALLEST_COMPRESSED_BYTES, compresslevel=_COMPRESSION),
            Middleware(BodyLimit),
        ],
    )
    app.state.wiring = wiring
    problems.install(app)
    api = APIRouter(prefix=PREFIX)
    data = (sites, places, devices, channels, series, completeness, clocks, quarantine)
    for router in (auth, *data, nodes, alerts, silences, rules, notifications, retention):
        api.include_router(router, dependencies=[Depends(json_only)])
    api.include_router(live)
    api.include_router(exports)
    app.include_router(api, dependencies=[Depends(named(PREFIX))])
    app.include_router(operations, dependencies=[Depends(named(""))])
    app.include_router(links, dependencies=[Depends(named(""))])
    app.include_router(page, dependencies=[Depends(named(""))])
    describe(app)
    return app


def named(prefix: str) -> Callable[[Request], Awaitable[None]]:
    """Return what tells the access log which route answers: its template, never the path with its ids."""

    async def name_route(request: Request) -> None:
        request.scope["siloscope.route"] = prefix + request.scope["route"].path

    return name_route
