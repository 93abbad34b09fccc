"""What operators ask a running service: is it alive, is it ready, what are its numbers.

A minimal HTTP/1.1 server on 127.0.0.1 with GET /healthz, /readyz and /metrics. It reveals no data and needs no login.
"""

import errno
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from siloscope_process.errors import Unavailable, WrongSetting
from siloscope_process.http_messages import Answer, Refused, Request, as_json
from siloscope_process.http_server import HttpServer

_HOST = "127.0.0.1"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Check:
    """The latest word about one thing the service needs."""

    ok: bool
    detail: str = ""


class Health:
    """What the service needs in order to work, by name.

    Args:
        checks: Names that must have been reported good before the service counts as ready.
    """

    def __init__(self, checks: Iterable[str] = ()) -> None:
        self._checks = {name: Check(ok=False, detail="starting") for name in checks}

    def set(self, name: str, ok: bool, detail: str = "") -> None:
        """Report one check."""
        self._checks[name] = Check(ok, detail)

    @property
    def ready(self) -> bool:
        """Whether every check is good."""
        return all(check.ok for check in self._checks.values())

    def report(self) -> dict[str, object]:
        """Return what /readyz shows."""
        checks = {name: {"ok": check.ok, "detail": check.detail} for name, check in self._checks.items()}
        return {"ready": self.ready, "checks": checks}


class OperationsServer:
    """Serves /healthz, /readyz and /metrics.

    Args:
        health: What /readyz reports.
        port: The port that was asked for; None takes `preferred_port`, or any free one where that is taken.
        registry: What /metrics shows.
        preferred_port: The service's usual port.
    """

    def __init__(
        self, health: Health, port: int | None, registry: CollectorRegistry, *, preferred_port: int = 0
    ) -> None:
        self._health = health
        self._asked_port = port
        self._preferred_port = preferred_port
        self._registry = registry
        self._server = HttpServer(self._answer)
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens; valid after `start`."""
        return f"http://{_HOST}:{self.port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            Unavailable: Another program has the port that was asked for.
            WrongSetting: It is reserved.
        """
        self._listen()
        self.port = self._server.port
        _log.info("operations_listening", url=self.url)

    async def stop(self) -> None:
        """Close the port; requests under way are cut."""
        await self._server.stop()

    def _listen(self) -> None:
        if self._asked_port is not None:
            try:
                return self._server.listen(_HOST, self._asked_port)
            except OSError as error:
                place = f"port {self._asked_port} on {_HOST}"
                if error.errno == errno.EADDRINUSE:
                    free = "set SILOSCOPE_OPS_PORT to a free one"
                    raise Unavailable(f"{place} is taken by another program; {free}") from error
                raise WrongSetting(f"cannot listen on {place} (SILOSCOPE_OPS_PORT): {error.strerror}") from error
        try:
            return self._server.listen(_HOST, self._preferred_port)
        except OSError:
            return self._server.listen(_HOST, 0)

    async def _answer(self, request: Request) -> Answer:
        if request.path == "/healthz":
            return as_json(HTTPStatus.OK, {"alive": True})
        if request.path == "/readyz":
            status = HTTPStatus.OK if self._health.ready else HTTPStatus.SERVICE_UNAVAILABLE
            return as_json(status, self._health.report())
        if request.path == "/metrics":
            return Answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self._registry))
        raise Refused(HTTPStatus.NOT_FOUND, f"{request.path} is not here; there are /healthz, /readyz and /metrics")
