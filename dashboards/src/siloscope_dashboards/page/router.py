"""GET of everything that is neither API nor operations: the page's files, and the page itself for its own addresses."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from siloscope_dashboards.forms import accepts
from siloscope_dashboards.page.assets import INDEX, NOT_BUILT, Asset, Assets
from siloscope_dashboards.wiring import Wiring, wiring

router = APIRouter(include_in_schema=False)
_NEVER_THE_PAGE = ("api/", "assets/")
OWN_ADDRESSES = ("", "sites", "places", "channels", "quarantine", "keeping", "alerts", "rules", "silences")


@router.api_route("/{path:path}", methods=["GET"])
def page(request: Request, path: str, wired: Annotated[Wiring, Depends(wiring)]) -> Response:
    """Return a file of the page; where there is none, the page, which knows its own addresses."""
    assets = wired.assets
    asset = assets.find(path or INDEX)
    if asset is not None:
        return _answer(request, asset)
    if path == "api" or path.startswith(_NEVER_THE_PAGE) or not _wants_a_page(request):
        raise HTTPException(404)
    index = assets.find(INDEX)
    if index is None:
        return _not_built(assets)
    return _answer(request, index)


def _wants_a_page(request: Request) -> bool:
    """Tell who gets the page: a browser everywhere; who takes anything, such as a probe, at its own addresses alone."""
    accept = request.headers.get("accept", "*/*")
    own = request.url.path.strip("/").partition("/")[0] in OWN_ADDRESSES
    return "text/html" in accept or (own and accepts(accept, "text/html"))


def _answer(request: Request, asset: Asset) -> Response:
    headers = {"ETag": asset.etag, "Cache-Control": asset.cache_control}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(asset.body, media_type=asset.media_type, headers=headers)


def _not_built(_assets: Assets) -> Response:
    return Response(NOT_BUILT, status_code=503, media_type="text/html; charset=utf-8")
