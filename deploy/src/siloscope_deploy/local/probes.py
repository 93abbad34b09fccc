"""How the supervisor sees that a child does its work."""

import asyncio
from collections.abc import Callable

from siloscope_deploy.local.child import Probe
from siloscope_deploy.servers.ports import LOOPBACK

_TIMEOUT_S = 2


def answering(question: Callable[[], bool]) -> Probe:
    """Ready when the question, which may block, is answered with yes."""

    async def ready() -> bool:
        return await asyncio.to_thread(question)

    return ready


def http_ready(port: int) -> Probe:
    """Ready when GET /readyz says 200."""

    async def ready() -> bool:
        return await _status(port) == b"200"

    return ready


def http_answers(port: int) -> Probe:
    """Ready when GET /readyz says anything: what it waits for may be away for long."""

    async def ready() -> bool:
        return await _status(port) is not None

    return ready


async def _status(port: int) -> bytes | None:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            status = await reader.readline()
            writer.close()
            return next(iter(status.split(b" ")[1:2]), None)
    except (OSError, TimeoutError):
        return None
