"""A small HTTP server inside of a service that has better things to do: whoever asks, however, it is never held up.

One request a connection. Connections are accepted only while there is room and not too fast; the rest waits in the
kernel, where it costs nothing. Whoever sends or reads too slowly is cut off.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

import structlog

from siloscope_process.http_messages import Answer, Refused, Request, end_of_head, read_head, refusal

_log = structlog.get_logger(__name__)
_CHUNK_BYTES = 4096
_UNREAD_BYTES = 65_536
_LINGER_S = 0.5
_BROKEN_REST_S = 1.0

Respond = Callable[[Request], Awaitable[Answer]]
"""Answers a request; may raise ``Refused``."""


@dataclass(frozen=True)
class Limits:
    """How much the server takes upon itself.

    Attributes:
        connections: Most at once; further ones wait.
        waiting: Most that the kernel keeps waiting; further ones are refused by it.
        per_s: Connections accepted a second, in the long run.
        burst: Connections accepted at once after a rest.
        head_s: Time that a request may take to arrive.
        answer_s: Time that an answer may take, being made and being read.
    """

    connections: int = 16
    waiting: int = 32
    per_s: float = 30.0
    burst: int = 60
    head_s: float = 5.0
    answer_s: float = 20.0


class HttpServer:
    """Answers GET and HEAD.

    Args:
        respond: Makes the answers.
        limits: How much it takes upon itself.
        headers: Of every answer.
    """

    def __init__(
        self, respond: Respond, limits: Limits | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self._respond = respond
        self._headers = headers or {}
        self._limits = limits or Limits()
        self._room = asyncio.Semaphore(self._limits.connections)
        self._listening: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.port = 0

    def listen(self, address: str, port: int) -> None:
        """Listen on an address of this machine; ``::`` takes IPv4 as well.

        Raises:
            OSError: It cannot be had.
        """
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listening = socket.create_server(
            (address, port), family=family, backlog=self._limits.waiting, dualstack_ipv6=address == "::"
        )
        self._listening.setblocking(False)
        self.port = self._listening.getsockname()[1]
        self._accepting = asyncio.get_running_loop().create_task(self._accept(self._listening))

    async def stop(self) -> None:
        """Close the port; requests under way are cut."""
        tasks = [*self._serving, *([self._accepting] if self._accepting is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._listening is not None:
            self._listening.close()
        self._listening, self._accepting = None, None

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        tokens, filled_at_s = float(self._limits.burst), loop.time()
        while True:
            await self._room.acquire()
            try:
                connection, address = await loop.sock_accept(listening)
            except OSError as error:  # no file descriptors left, as a rule
                self._room.release()
                _log.warning("connection_not_accepted", detail=str(error))
                await asyncio.sleep(_BROKEN_REST_S)
                continue
            task = loop.create_task(self._serve(connection, str(address[0])))
            self._serving.add(task)
            task.add_done_callback(self._served)
            now_s = loop.time()
            tokens = min(self._limits.burst, tokens + (now_s - filled_at_s) * self._limits.per_s) - 1
            filled_at_s = now_s
            if tokens < 0:
                await asyncio.sleep(-tokens / self._limits.per_s)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._serving.discard(task)
        self._room.release()

    async def _serve(self, connection: socket.socket, peer: str) -> None:
        loop = asyncio.get_running_loop()
        with connection, suppress(TimeoutError, OSError):  # one that stalls or breaks off gets nothing
            async with asyncio.timeout(self._limits.head_s):
                received = await _received(connection)
            if not received:
                return
            async with asyncio.timeout(self._limits.answer_s):
                with_body = not received.startswith(b"HEAD ")
                answer = await self._answer(received, peer)
                await loop.sock_sendall(connection, answer.encoded(self._headers, with_body=with_body))
            await _linger(connection)

    async def _answer(self, received: bytes, peer: str) -> Answer:
        try:
            end = end_of_head(received)
            if end is None:
                raise Refused(HTTPStatus.BAD_REQUEST, "the request broke off")
            return await self._respond(read_head(received[:end], peer))
        except Refused as error:
            return refusal(error)
        except Exception:
            _log.exception("answer_failed")
            return refusal(Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "this answer failed; the log says why"))


async def _received(connection: socket.socket) -> bytes:
    """Return what came until a head was whole, too large, or broken off; nothing where nobody said anything."""
    loop = asyncio.get_running_loop()
    received = bytearray()
    with suppress(Refused):
        while end_of_head(received) is None:
            chunk = await loop.sock_recv(connection, _CHUNK_BYTES)
            if not chunk:
                break
            received += chunk
    return bytes(received)


async def _linger(connection: socket.socket) -> None:
    """Say that nothing follows, and take what still comes: a close with unread bytes would take the answer back."""
    loop = asyncio.get_running_loop()
    connection.shutdown(socket.SHUT_WR)
    unread = 0
    async with asyncio.timeout(_LINGER_S):
        while unread < _UNREAD_BYTES and (chunk := await loop.sock_recv(connection, _CHUNK_BYTES)):
            unread += len(chunk)
