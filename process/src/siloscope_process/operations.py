"""What operators ask a running service: is it alive, is it ready, what are its numbers.

A minimal HTTP/1.1 server on 127.0.0.1 with GET /healthz, /readyz and /metrics. It reveals no data and needs no login.
"""

import asyncio
import errno
import json
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from siloscope_process.errors import Unavailable, WrongSetting

_HOST = "127.0.0.1"
_REQUEST_TIMEOUT_S = 5
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


@dataclass(frozen=True)
class _Answer:
    status: str
    content_type: str
    body: bytes


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
        self._server: asyncio.Server | None = None
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
        self._server = await self._listen()
        self.port = self._server.sockets[0].getsockname()[1]
        _log.info("operations_listening", url=self.url)

    async def stop(self) -> None:
        """Close the port; requests under way are cut."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _listen(self) -> asyncio.Server:
        if self._asked_port is not None:
            try:
                return await asyncio.start_server(self._serve, _HOST, self._asked_port)
            except OSError as error:
                place = f"port {self._asked_port} on {_HOST}"
                if error.errno == errno.EADDRINUSE:
                    free = "set SILOSCOPE_OPS_PORT to a free one"
                    raise Unavailable(f"{place} is taken by another program; {free}") from error
                raise WrongSetting(f"cannot listen on {place} (SILOSCOPE_OPS_PORT): {error.strerror}") from error
        try:
            return await asyncio.start_server(self._serve, _HOST, self._preferred_port)
        except OSError:
            return await asyncio.start_server(self._serve, _HOST, 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                method, _, rest = head.decode("latin-1").partition(" ")
                answer = self._answer(method, rest.split(" ", 1)[0].partition("?")[0])
                writer.write(_encoded(answer, with_body=method != "HEAD"))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a client that stalls, breaks off or floods gets nothing
        finally:
            writer.close()

    def _answer(self, method: str, path: str) -> _Answer:
        if method not in ("GET", "HEAD"):
            return _json("405 Method Not Allowed", {"error": f"{method} is not allowed here; use GET"})
        if path == "/healthz":
            return _json("200 OK", {"alive": True})
        if path == "/readyz":
            return _json("200 OK" if self._health.ready else "503 Service Unavailable", self._health.report())
        if path == "/metrics":
            return _Answer("200 OK", CONTENT_TYPE_LATEST, generate_latest(self._registry))
        return _json("404 Not Found", {"error": f"{path} is not here; there are /healthz, /readyz and /metrics"})


def _json(status: str, body: dict[str, object]) -> _Answer:
    return _Answer(status, "application/json", json.dumps(body).encode())


def _encoded(answer: _Answer, *, with_body: bool) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status}\r\nContent-Type: {answer.content_type}\r\n"
        f"Content-Length: {len(answer.body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (answer.body if with_body else b"")
