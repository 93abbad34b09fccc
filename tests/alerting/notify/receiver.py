"""A small HTTP server that remembers what it was sent: a webhook's receiver, and the ground of the fake Telegram."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec


@dataclass(frozen=True)
class Request:
    """What came; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, told: object, status: int = 200) -> "Answer":
        """Return an answer in JSON."""
        return cls(status, msgspec.json.encode(told), {"Content-Type": "application/json"})


Handler = Callable[[Request], Awaitable[Answer]]


async def _accept(_request: Request) -> Answer:
    return Answer()


@dataclass
class Receiver:
    """Where requests come to; `answer` may be replaced at any time."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    answer: Handler = _accept
    came: asyncio.Event = field(default_factory=asyncio.Event)
    connections: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def wait_for(self, count: int, within_s: float = 20.0) -> None:
        """Wait until so many requests have come."""
        async with asyncio.timeout(within_s):
            while len(self.requests) < count:
                self.came.clear()
                await self.came.wait()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection in a task of its own."""
        self.connections.add(asyncio.create_task(self.serve(reader, writer)))

    async def hang_up(self) -> None:
        """End all connections."""
        for task in self.connections:
            task.cancel()
        await asyncio.gather(*self.connections, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests."""
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                self.came.set()
                answer = await self.answer(request)
                phrase = HTTPStatus(answer.status).phrase
                told = {**answer.headers, "Content-Length": str(len(answer.body))}
                head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
                writer.write(f"HTTP/1.1 {answer.status} {phrase}\r\n{head}\r\n".encode() + answer.body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    """Run a receiver on a free port of this machine."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.accept, "127.0.0.1", port)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        await receiver.hang_up()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    line = await reader.readline()
    if not line:
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers = {}
    while (header := (await reader.readline()).decode().strip()) != "":
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Request(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
