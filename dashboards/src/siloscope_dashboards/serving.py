"""uvicorn around the application, stopped by us: no signal handlers, no log configuration of its own."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator

import structlog
import uvicorn
from fastapi import FastAPI

from siloscope_dashboards.live.hub import Hub

_GRACE_S = 3
_log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to siloscope_process."""
        yield


async def serve(
    app: FastAPI, listener: socket.socket, hub: Hub, stop: asyncio.Event, *, trusted_proxies: str | None = None
) -> None:
    """Serve until `stop` is set; then end the live streams at once and let other requests finish for a moment.

    Args:
        app: What answers.
        listener: A bound, listening socket; closed at the end.
        hub: The live streams.
        stop: Set by a signal.
        trusted_proxies: Comma-separated addresses whose X-Forwarded headers are believed; None = nobody's.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=trusted_proxies is not None,
            forwarded_allow_ips=trusted_proxies,
            timeout_graceful_shutdown=_GRACE_S,
            timeout_keep_alive=30,
        )
    )
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    stopping = asyncio.ensure_future(stop.wait())
    _log.info("listening", url=url_of(listener))
    try:
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        hub.close()
        server.should_exit = True
        await serving


def url_of(listener: socket.socket) -> str:
    """Return where a browser finds it."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - shown
    return f"http://{shown}:{port}"
