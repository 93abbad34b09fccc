"""The page of a running agent: whatever ails it, whoever asks, reading goes on."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from siloscope_edge.page import local_page
from siloscope_edge.page.local_page import LocalPage
from siloscope_edge.page.page_settings import PageSettings
from siloscope_process.clock import ManualClock, SystemClock
from tests.edge.page.watched_yard import WatchedYard


@asynccontextmanager
async def served(
    yard: WatchedYard, settings: PageSettings, clock: ManualClock | None = None
) -> AsyncIterator[LocalPage]:
    page = LocalPage(settings, yard.installation, clock or SystemClock())
    page.board = yard.board
    running = asyncio.create_task(page.run(yard.station, yard.directory))
    try:
        yield page
    finally:
        running.cancel()
        await asyncio.wait([running])


async def until_served(page: LocalPage) -> None:
    async with asyncio.timeout(5):
        while not page.port:
            await asyncio.sleep(0)


async def asked(
    port: int, path: str, host: str = "localhost", method: str = "GET"
) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    first, *lines = head.decode().split("\r\n")
    return int(first.split(" ")[1]), dict(line.split(": ", 1) for line in lines), body


async def test_values_are_served_and_every_answer_is_guarded(yard: WatchedYard) -> None:
    await yard.poll()
    async with served(yard, PageSettings(port=0)) as page:
        await until_served(page)
        status, headers, body = await asked(page.port, "/values.json")
        assert (status, json.loads(body)["devices"][0]["channels"][0]["value"]) == (200, 20.0)
        for path, host, method, expected in (
            ("/", "localhost", "GET", 200),
            ("/../../etc/passwd", "localhost", "GET", 404),
            ("/", "evil.example", "GET", 421),
            ("/", "localhost", "DELETE", 405),
        ):
            status, headers, _ = await asked(page.port, path, host, method)
            assert status == expected
            assert headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "Access-Control-Allow-Origin" not in headers
            assert "Server" not in headers


async def test_a_crowd_at_the_door_does_not_keep_the_loop_from_its_work(yard: WatchedYard) -> None:
    """More than there is room for, and none of them ever asks: the loop turns on, and so does polling."""
    async with served(yard, PageSettings(port=0)) as page:
        await until_served(page)
        crowd = [socket.socket() for _ in range(40)]
        for each in crowd:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", page.port))
        loop = asyncio.get_running_loop()
        longest_s = 0.0
        for turn in range(300):
            with suppress(OSError):  # one that still stands in the queue
                crowd[turn % 40].send(b"GET / HT")
            before_s = loop.time()
            await yard.poll()
            await asyncio.sleep(0)
            longest_s = max(longest_s, loop.time() - before_s)
        assert longest_s < 1.0
        for each in crowd:
            each.close()
        assert (await asked(page.port, "/status.json"))[0] == 200


async def test_a_port_that_another_has_is_waited_for(yard: WatchedYard) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = PageSettings(port=other.getsockname()[1])
        async with served(yard, settings, yard.clock) as page:
            while not yard.clock.sleepers:
                await asyncio.sleep(0)
            assert page.port == 0
            other.close()
            async with asyncio.timeout(5):
                while not page.port:
                    yard.clock.advance(10)
                    await asyncio.sleep(0)
            assert (await asked(page.port, "/"))[0] == 200


async def test_a_page_that_fails_ends_nothing(yard: WatchedYard, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = []

    def broken(*_: object) -> None:
        failures.append(1)
        raise RuntimeError("a mistake")

    monkeypatch.setattr(local_page, "Routes", broken)
    page = LocalPage(PageSettings(port=0), yard.installation, yard.clock)
    running = asyncio.create_task(page.run(yard.station, yard.directory))
    while len(failures) < 2:
        yard.clock.advance(10)
        await asyncio.sleep(0)
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])


async def test_charts_follow_another_configuration(yard: WatchedYard, tmp_path: Path) -> None:
    async with served(yard, PageSettings(port=0), yard.clock) as page:
        await until_served(page)
        assert yard.board.of("bin-2").history is not None
        (heads,) = yard.installation.instruments.values()
        yard.installation = type(yard.installation)(
            yard.installation.config, {"heads": heads[:1]}, yard.installation.drivers
        )
        yard.clock.advance(31)
        async with asyncio.timeout(5):
            while yard.board.of("bin-2").history is not None:
                await asyncio.sleep(0)
        assert yard.board.of("bin-1").history is not None
