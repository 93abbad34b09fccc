"""GET /healthz, /readyz, /metrics: no login, no data."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from siloscope_dashboards.problems import documented, problem, request_id_of
from siloscope_dashboards.wiring import Wiring, wiring

router = APIRouter(tags=["operations"])


class Alive(BaseModel):
    """The process runs."""

    alive: bool = True


class CheckModel(BaseModel):
    """One thing the API needs."""

    ok: bool
    detail: str


class Ready(BaseModel):
    """Everything the API needs is there."""

    ready: bool
    checks: dict[str, CheckModel]


@router.get("/healthz")
async def healthz() -> Alive:
    """Tell that the process runs."""
    return Alive()


@router.get("/readyz", response_model=Ready, responses=documented(503))
async def readyz(request: Request, wired: Annotated[Wiring, Depends(wiring)]) -> Ready | Response:
    """Tell whether requests can be answered; a problem names what is away."""
    reason = await wired.readings.unavailable()
    if reason is None:
        return Ready(ready=True, checks={"database": CheckModel(ok=True, detail="")})
    return problem(
        request.url.path,
        request_id_of(request),
        503,
        slug="unavailable",
        title="The server cannot answer now",
        detail=f"database: {reason}",
        headers={"Retry-After": "5"},
        extra={"ready": False, "checks": {"database": {"ok": False, "detail": reason}}},
    )


@router.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE_LATEST: {}}}})
async def metrics(wired: Annotated[Wiring, Depends(wiring)]) -> Response:
    """Return the numbers for Prometheus."""
    return Response(generate_latest(wired.metrics.registry), media_type=CONTENT_TYPE_LATEST)
