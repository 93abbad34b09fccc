"""Around every request: an id, one log record, the metrics, and a problem for what nobody foresaw."""

import secrets

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from siloscope_dashboards.errors import ApiError
from siloscope_dashboards.operations.metrics import Metrics
from siloscope_dashboards.problems import of_error, problem
from siloscope_process.clock import Clock

_log = structlog.get_logger(__name__)
_LINKS = "/a/"
_QUIET = ("/healthz", "/readyz", "/metrics")


class AccessLog:
    """ASGI middleware, the outermost.

    Args:
        app: What it wraps.
        clock: Measures durations.
        metrics: Counts requests by route, never by path: paths carry ids.
    """

    def __init__(self, app: ASGIApp, clock: Clock, metrics: Metrics) -> None:
        self._app = app
        self._clock = clock
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope["siloscope.request_id"] = request_id
        started_s = self._clock.monotonic_s()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            if status:
                raise
            await _failed(scope, error)(scope, receive, send_with_id)
        finally:
            self._record(scope, status, self._clock.monotonic_s() - started_s)

    def _record(self, scope: Scope, status: int, duration_s: float) -> None:
        route = route_of(scope)
        self._metrics.request(scope["method"], route, status, duration_s)
        client = scope.get("client")
        _log.log(
            _level(scope["path"], status),
            "request",
            method=scope["method"],
            path=logged_path(scope),
            route=route,
            status=status,
            duration_ms=round(duration_s * 1000, 1),
            client=client[0] if client else None,
            user=scope.get("siloscope.username"),
            request_id=scope["siloscope.request_id"],
        )


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered, such as `/api/v1/channels/{channel_id}`, or `none`."""
    return str(scope.get("siloscope.route", "none"))


def logged_path(scope: Scope) -> str:
    """Return the path as a log may hold it: what a signed link allows, whoever reads its token may do."""
    path = str(scope["path"])
    return f"{_LINKS}…" if path.startswith(_LINKS) else path


def _failed(scope: Scope, error: Exception) -> ASGIApp:
    request = Request(scope)
    if isinstance(error, ApiError):
        return of_error(request, error)
    request_id = scope["siloscope.request_id"]
    _log.error("request_failed", path=logged_path(scope), request_id=request_id, exc_info=error)
    detail = f"the server failed; its log has the cause under request_id {request_id}"
    return problem(scope["path"], request_id, 500, detail=detail)


def _level(path: str, status: int) -> int:
    if status >= 500:
        return 30
    return 10 if path in _QUIET else 20
