"""The small server under clients that are slow, many, greedy or mad: each is cut off, and the next one is served."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest

from siloscope_process.http_messages import Answer, Request
from siloscope_process.http_server import HttpServer, Limits

LARGE = b"x" * 8_000_000
QUICK = Limits(connections=4, waiting=4, per_s=1000, burst=1000, head_s=0.2, answer_s=0.3)


async def respond(request: Request) -> Answer:
    if request.path == "/large":
        return Answer(HTTPStatus.OK, "text/plain", LARGE)
    if request.path == "/broken":
        raise RuntimeError("a mistake")
    return Answer(HTTPStatus.OK, "text/plain", f"{request.peer} {request.path}".encode())


@asynccontextmanager
async def serving(
    limits: Limits = QUICK, answer: Callable[[Request], Awaitable[Answer]] = respond
) -> AsyncIterator[HttpServer]:
    server = HttpServer(answer, limits)
    server.listen("127.0.0.1", 0)
    try:
        yield server
    finally:
        await server.stop()


async def ask(server: HttpServer, sent: bytes) -> tuple[int, bytes]:
    """Return status and body; 0 where there was no answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(sent)
    answer = await reader.read()
    writer.close()
    if not answer:
        return 0, b""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


def request(path: str = "/", method: str = "GET", more: str = "") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode()


@pytest.mark.parametrize("sent", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_request_that_does_not_come_is_cut_off_in_time(sent: bytes) -> None:
    async with serving() as server, asyncio.timeout(3):
        assert await ask(server, sent) == (0, b"")
        assert (await ask(server, request()))[0] == 200


async def test_a_request_that_breaks_off_is_told_so() -> None:
    async with serving() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HT")
        writer.write_eof()
        assert b" 400 " in (await reader.read()).splitlines()[0]
        writer.close()


async def test_a_flood_instead_of_a_head_is_refused() -> None:
    async with serving() as server:
        assert (await ask(server, b"GET / HTTP/1.1\r\nA: " + b"b" * 30_000))[0] == 431


async def test_a_body_that_nobody_wants_does_not_take_the_answer_back() -> None:
    async with serving() as server:
        status, body = await ask(server, request(method="POST", more="Content-Length: 50000\r\n") + b"y" * 50_000)
        assert (status, json.loads(body)) == (405, {"error": "POST is not allowed here; use GET"})


async def test_only_one_request_of_a_connection_is_answered() -> None:
    async with serving() as server:
        status, body = await ask(server, request("/one") + request("/two"))
        assert (status, body) == (200, b"127.0.0.1 /one")


async def test_head_gets_no_body_also_of_a_refusal() -> None:
    async with serving() as server:
        assert await ask(server, request(method="HEAD")) == (200, b"")
        assert await ask(server, b"HEAD nowhere HTTP/1.1\r\nHost: x\r\n\r\n") == (400, b"")


async def test_who_reads_too_slowly_is_cut_off() -> None:
    async with serving() as server, asyncio.timeout(5):
        slow = socket.create_connection(("127.0.0.1", server.port))
        slow.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(slow, request("/large"))
        read = len(await loop.sock_recv(slow, 1000))
        assert (await ask(server, request()))[0] == 200  # meanwhile
        await asyncio.gather(*server._serving)
        try:
            while chunk := await loop.sock_recv(slow, 1_000_000):
                read += len(chunk)
        except ConnectionResetError:
            pass
        slow.close()
        assert 0 < read < len(LARGE)


async def test_as_many_as_there_is_room_for_are_served_and_the_next_waits() -> None:
    """Whoever holds connections open keeps others waiting for a moment, and the loop not at all."""
    async with serving() as server, asyncio.timeout(5):
        holders = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(QUICK.connections)]
        waiting = asyncio.create_task(ask(server, request()))
        turns = 0
        while len(server._serving) < QUICK.connections:
            await asyncio.sleep(0)
            turns += 1
        assert not waiting.done()
        assert (await waiting)[0] == 200
        for _, writer in holders:
            writer.close()


async def test_connections_are_accepted_no_faster_than_it_is_told() -> None:
    limits = Limits(connections=4, per_s=20, burst=2, head_s=1)
    async with serving(limits) as server:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        assert {(await ask(server, request()))[0] for _ in range(8)} == {200}
        assert loop.time() - started_s >= (8 - limits.burst - 1) / limits.per_s


async def test_a_mistake_in_an_answer_is_said_and_the_next_is_made() -> None:
    async with serving() as server:
        assert (await ask(server, request("/broken")))[0] == 500
        assert (await ask(server, request("/well")))[0] == 200


async def test_a_stop_cuts_what_is_under_way() -> None:
    limits = Limits(head_s=60)
    async with serving(limits) as server, asyncio.timeout(2):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        while not server._serving:
            await asyncio.sleep(0)
        await server.stop()
        assert await reader.read() == b""
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.port)


async def test_a_port_that_is_taken_is_no_port() -> None:
    async with serving() as server:
        with pytest.raises(OSError, match="in use"):
            HttpServer(respond).listen("127.0.0.1", server.port)
