"""GET /export."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive

from siloscope_dashboards.auth.guard import LoggedIn
from siloscope_dashboards.errors import NotAcceptable, NotFound
from siloscope_dashboards.exports.models import MEDIA_TYPES, ExportOrder, Form, LetGo, Level
from siloscope_dashboards.forms import accepts
from siloscope_dashboards.pages import QueryId
from siloscope_dashboards.problems import documented
from siloscope_dashboards.series.window import Instant, window
from siloscope_dashboards.wiring import ReadingsPort, Wiring, wiring

LET_GO = "Siloscope-Let-Go"
_LET_GO = (
    "Where retention let go of what is asked for, an item for each retention class (RFC 9651): before when at the "
    'latest, and of how many sites, as in measurements;before="2026-01-31T06:00:00Z";sites=2'
)
_FILE = {"type": "string", "format": "binary"}
_NOBODY_WAITS = 499
"""For the log alone, as nginx has it: the client has gone."""

router = APIRouter(tags=["export"], responses=documented(401, 404))


async def export_order(
    wired: Annotated[Wiring, Depends(wiring)],
    site_id: QueryId = None,
    place_id: QueryId = None,
    device_id: QueryId = None,
    channel_id: QueryId = None,
    begins: Annotated[Instant, Query(alias="from")] = None,
    ends: Annotated[Instant, Query(alias="to")] = None,
    form: Annotated[Form, Query(alias="format")] = "csv",
    level: Level = "raw",
    local_time: Annotated[bool, Query(description="Adds a column with the site's own time")] = False,
) -> ExportOrder:
    """Return what the query asks for."""
    span = window(begins, ends, 1, wired.clock)
    return ExportOrder(span.begins, span.ends, form, level, local_time, site_id, place_id, device_id, channel_id)


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {media_type: {"schema": _FILE} for media_type in MEDIA_TYPES.values()},
            "headers": {LET_GO: {"description": _LET_GO, "schema": {"type": "string"}}},
        }
    },
)
async def export(
    request: Request, login: LoggedIn, readings: ReadingsPort, order: Annotated[ExportOrder, Depends(export_order)]
) -> Response:
    """Return readings or roll-ups as a file, of all of your organisation or of one site, place, device or channel.

    Unless told, the last 24 hours. CSV begins at once; the others when they are made. A file that cannot be completed
    breaks off, so that the transfer fails. XLSX holds at most 1 048 575 rows. Where retention let go of what is asked
    for, the header Siloscope-Let-Go says so, as do the metadata of Parquet and a sheet of XLSX.
    """
    header = request.headers.get("accept", "")
    if header.strip() and not accepts(header, MEDIA_TYPES[order.form]):
        raise NotAcceptable(f"this answers {MEDIA_TYPES[order.form]}; Accept was {header[:80]!r}")
    await _require(readings, login.identity.org_id, order)
    found = await readings.export(login.identity.org_id, order)
    # What goes wrong at once is a problem; later, only a broken transfer tells.
    first = await _first_of(found.pieces, request.receive)
    if first is None:
        return Response(status_code=_NOBODY_WAITS)
    name = f"siloscope-{order.level}-{order.begins:%Y%m%d}-{order.ends:%Y%m%d}.{order.form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if found.let_go:
        headers[LET_GO] = ", ".join(_told(found.let_go))
    return StreamingResponse(_chained(first, found.pieces), media_type=MEDIA_TYPES[order.form], headers=headers)


def _told(let_go: Sequence[LetGo]) -> Iterator[str]:
    """Yield an item a retention class, however many sites: a header has to stay short."""
    for retention_class in sorted({each.retention_class for each in let_go}):
        of_class = [each for each in let_go if each.retention_class == retention_class]
        before = max(each.before for each in of_class).astimezone(UTC)
        yield f'{retention_class};before="{before:%Y-%m-%dT%H:%M:%SZ}";sites={len(of_class)}'


async def _first_of(pieces: AsyncIterator[bytes], receive: Receive) -> bytes | None:
    """Return the first piece; None where the client goes away meanwhile, and then no further work is done for it."""
    made, gone = asyncio.ensure_future(_next_of(pieces)), asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((made, gone), return_when=asyncio.FIRST_COMPLETED)
        return made.result() if made.done() else None
    finally:
        for task in (made, gone):
            task.cancel()
        await asyncio.gather(made, gone, return_exceptions=True)


async def _next_of(pieces: AsyncIterator[bytes]) -> bytes:
    return await anext(pieces, b"")


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def _require(readings: ReadingsPort, org_id: int, order: ExportOrder) -> None:
    if order.site_id is not None and await readings.site(org_id, order.site_id) is None:
        raise NotFound("site", order.site_id)
    if order.place_id is not None and await readings.place(org_id, order.place_id) is None:
        raise NotFound("place", order.place_id)
    if order.device_id is not None and not await readings.has_device(org_id, order.device_id):
        raise NotFound("device", order.device_id)
    if order.channel_id is not None and await readings.channel(org_id, order.channel_id) is None:
        raise NotFound("channel", order.channel_id)
