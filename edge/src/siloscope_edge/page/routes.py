"""Which path answers what. Nothing here changes anything."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from http import HTTPStatus
from importlib.resources import files
from typing import NamedTuple

import msgspec

from siloscope_edge.page import documents
from siloscope_edge.page.admission import Admission
from siloscope_edge.page.history import DAY_S
from siloscope_edge.page.station import Station
from siloscope_process.clock import Clock
from siloscope_process.http_messages import Answer, Refused, Request

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_TYPES = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_TYPES |= {"svg": "image/svg+xml"}
_SCRIPTS = ("page", "board", "card", "chart", "elements", "large_chart", "shown", "state", "words")
_ASSETS = ("index.html", "page.css", "icon.svg", *(f"{name}.js" for name in _SCRIPTS))
_DOCUMENTS = ("/status.json", "/values.json", "/history.json")
_VALUES_KEPT_S = 1.0
_HISTORY_KEPT_S = 10.0
_KEPT_BYTES = 4 * 1024**2
_RESTS = 3
"""Making answers takes a quarter of the loop's time at most, whoever asks how often for what."""


class _Kept(NamedTuple):
    until_s: float
    answer: Answer


class Routes:
    """Answers requests.

    Args:
        station: The running agent; None while it begins anew.
        admission: Who is answered.
        clock: Tells when.
    """

    def __init__(self, station: Callable[[], Station | None], admission: Admission, clock: Clock) -> None:
        self._station = station
        self._admission = admission
        self._clock = clock
        self._assets = {f"/{name}": _asset(name) for name in _ASSETS}
        self._assets["/"] = self._assets.pop("/index.html")
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._making = asyncio.Lock()

    async def respond(self, request: Request) -> Answer:
        """Answer a request.

        Raises:
            Refused: There is no such thing, or not for whoever asks.
        """
        self._admission.check(request)
        answer = self._assets.get(request.path)
        if answer is None:
            answer = await self._document(request)
        if request.headers.get("if-none-match") == answer.headers["ETag"]:
            return Answer(HTTPStatus.NOT_MODIFIED, headers=answer.headers)
        return answer

    async def _document(self, request: Request) -> Answer:
        if request.path not in _DOCUMENTS:
            there_are = f"there are / and {', '.join(_DOCUMENTS)}"
            raise Refused(HTTPStatus.NOT_FOUND, f"{request.path} is not here; {there_are}")
        station = self._station()
        if station is None:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "the agent begins anew", {"Retry-After": "2"})
        if request.path == "/status.json":
            _known(request)
            return await self._made("status", _VALUES_KEPT_S, lambda: documents.status(station))
        if request.path == "/values.json":
            return await self._values(request, station)
        return await self._history(request, station)

    async def _values(self, request: Request, station: Station) -> Answer:
        _known(request, "device")
        asked = request.parameters.get("device")
        only = sorted(set(asked.split(","))) if asked is not None else None
        for name in only or ():
            _device(station, name)
        key = f"values {','.join(only)}" if only is not None else "values"
        return await self._made(key, _VALUES_KEPT_S, lambda: documents.values(station, only))

    async def _history(self, request: Request, station: Station) -> Answer:
        _known(request, "device", "channel", "step_s")
        device = request.parameters.get("device", "")
        keys = _device(station, device)
        channel = request.parameters.get("channel")
        if channel is not None and channel not in keys:
            raise Refused(HTTPStatus.NOT_FOUND, f"{device} has no channel {channel!r}; it has {', '.join(keys)}")
        step = request.parameters.get("step_s", "60")
        if not step.isascii() or not step.isdigit() or len(step) > 9 or not 1 <= int(step) <= DAY_S:
            raise Refused(HTTPStatus.BAD_REQUEST, f"step_s {step!r}: expected whole seconds from 1 to {DAY_S}")
        history = station.board.of(device).history
        if history is None:
            detail = "there is no memory for its chart; page.history_bytes of the agent's configuration can give more"
            raise Refused(HTTPStatus.NOT_FOUND, f"{device}: {detail}")
        step_s = max(history.step_s, int(step))
        key = f"history {device} {channel or ''} {step_s // history.step_s}"
        make = lambda: documents.history(station, device, history, channel, step_s)  # noqa: E731 - used once, here
        return await self._made(key, _HISTORY_KEPT_S, make)

    async def _made(self, key: str, keep_s: float, make: Callable[[], Awaitable[documents.Json]]) -> Answer:
        """Return an answer, made for all who ask for it at about the same time."""
        if (answer := self._fresh(key)) is not None:
            return answer
        async with self._making:
            if (answer := self._fresh(key)) is not None:
                return answer
            started_s = self._clock.monotonic_s()
            body = msgspec.json.encode(await make())
            answer = Answer(HTTPStatus.OK, "application/json", body, {"ETag": _tag(body)})
            ended_s = self._clock.monotonic_s()
            self._keep(key, _Kept(ended_s + keep_s, answer))
            if ended_s > started_s:
                await self._clock.sleep(_RESTS * (ended_s - started_s))
        return answer

    def _fresh(self, key: str) -> Answer | None:
        kept = self._kept.get(key)
        return kept.answer if kept is not None and self._clock.monotonic_s() < kept.until_s else None

    def _keep(self, key: str, kept: _Kept) -> None:
        self._kept[key] = kept
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(len(each.answer.body) for each in self._kept.values()) > _KEPT_BYTES:
            self._kept.popitem(last=False)


def _asset(name: str) -> Answer:
    body = files("siloscope_edge.page").joinpath("assets", name).read_bytes()
    return Answer(HTTPStatus.OK, _TYPES[name.rpartition(".")[2]], body, {"ETag": _tag(body)})


def _tag(body: bytes) -> str:
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def _known(request: Request, *names: str) -> None:
    for name in request.parameters:
        if name not in names:
            expected = f"expected {', '.join(names)}" if names else "expected none"
            raise Refused(HTTPStatus.BAD_REQUEST, f"parameter {name!r} is not known here; {expected}")


def _device(station: Station, name: str) -> list[str]:
    """Return the keys of a device's channels."""
    channels = station.channels()
    if name not in channels:
        raise Refused(HTTPStatus.NOT_FOUND, f"there is no device {name!r}; there are {', '.join(channels)}"[:2000])
    return [channel.key for channel in channels[name]]
