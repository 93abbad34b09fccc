"""GET /quarantine, /quarantine/export, /quarantine/{quarantine_id}; POST /quarantine/replay, /quarantine/discard."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse

from siloscope_dashboards.auth.guard import Administrator
from siloscope_dashboards.errors import NotFound
from siloscope_dashboards.pages import QueryId
from siloscope_dashboards.problems import documented
from siloscope_dashboards.quarantine.models import Chosen, Concerned, Quarantine, RefusedPayload
from siloscope_dashboards.wiring import MendingPort, ReadingsPort

MOST_MESSAGES, DEFAULT_MESSAGES = 500, 100

router = APIRouter(tags=["quarantine"], responses=documented(401, 403))
_LARGEST = 2**31 - 1
_Reason = Annotated[str | None, Query(pattern=r"^[a-z0-9_+]{1,200}$")]
_Cursor = Annotated[str | None, Query(pattern=r"^[1-9]\d{0,17}$")]


@router.get("/quarantine", responses=documented(404))
async def list_refused(
    login: Administrator,
    mending: MendingPort,
    readings: ReadingsPort,
    reason: _Reason = None,
    node_id: QueryId = None,
    limit: Annotated[int, Query(ge=1, le=MOST_MESSAGES)] = DEFAULT_MESSAGES,
    cursor: _Cursor = None,
) -> Quarantine:
    """Return refused messages of your organisation, newest first. For administrators."""
    org_id = login.identity.org_id
    if node_id is not None and await mending.clock_events(org_id, node_id) is None:
        raise NotFound("node", node_id)
    return await mending.refused(org_id, reason, node_id, limit, None if cursor is None else int(cursor))


@router.get(
    "/quarantine/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
)
async def export_refused(login: Administrator, mending: MendingPort, reason: _Reason = None) -> StreamingResponse:
    """Return refused messages as JSON lines, newest first, with payload in base64 and its SHA-256."""
    lines = mending.exported(login.identity.org_id, reason)
    first = await anext(lines, b"")  # what is away is said before an answer has begun

    async def all_lines() -> AsyncIterator[bytes]:
        yield first
        async for line in lines:
            yield line

    name = {"Content-Disposition": 'attachment; filename="quarantine.jsonl"'}
    return StreamingResponse(all_lines(), media_type="application/x-ndjson", headers=name)


@router.get("/quarantine/{quarantine_id}", responses=documented(404))
async def show_refused(
    quarantine_id: Annotated[int, Path(ge=1, le=_LARGEST)], login: Administrator, mending: MendingPort
) -> RefusedPayload:
    """Return one refused message with its payload."""
    found = await mending.refused_payload(login.identity.org_id, quarantine_id)
    if found is None:
        raise NotFound("message in quarantine", quarantine_id)
    return found


@router.post("/quarantine/replay")
async def replay_refused(chosen: Chosen, login: Administrator, mending: MendingPort) -> Concerned:
    """Have ingest try messages again, as if they came when they first did."""
    return await mending.replay(login.identity, chosen)


@router.post("/quarantine/discard")
async def discard_refused(chosen: Chosen, login: Administrator, mending: MendingPort) -> Concerned:
    """Delete messages for good; their numbers stay accounted for as refused."""
    return await mending.discard(login.identity, chosen)
