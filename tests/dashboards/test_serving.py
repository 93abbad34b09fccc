"""The app behind a real uvicorn on a real socket: live streams above all."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import httpx2
import pytest

from siloscope_dashboards.app import create_app
from siloscope_dashboards.listening import listen
from siloscope_dashboards.live.feed import Feed
from siloscope_dashboards.serving import serve, url_of
from tests.dashboards.account_fakes import OURS, THEIRS
from tests.dashboards.conftest import Headers
from tests.dashboards.fakes import Parts

PATIENCE_S = 10


class Server:
    """A served app; `stop` is what a signal sets."""

    def __init__(self, fakes: Parts) -> None:
        self.stop = asyncio.Event()
        self.feed = Feed(fakes.changes, fakes.wiring.hub, fakes.clock, fakes.wiring.metrics)
        self._fakes = fakes
        self._listener = listen("127.0.0.1", 0)
        self.url = url_of(self._listener)
        self.address = self._listener.getsockname()

    async def run(self, trusted_proxies: str | None = None) -> None:
        with closing(self._listener):
            await serve(
                create_app(self._fakes.wiring),
                self._listener,
                self._fakes.wiring.hub,
                self.stop,
                trusted_proxies=trusted_proxies,
            )


@asynccontextmanager
async def serving(fakes: Parts, trusted_proxies: str | None = None) -> AsyncIterator[Server]:
    server = Server(fakes)
    running = asyncio.ensure_future(server.run(trusted_proxies))
    await server.feed.look()
    try:
        yield server
    finally:
        server.stop.set()
        await asyncio.wait_for(running, PATIENCE_S)


@asynccontextmanager
async def listening(server: Server, headers: Headers, query: str = "") -> AsyncIterator[AsyncIterator[str]]:
    """Open the live stream and give its lines once it is open."""
    async with (
        httpx2.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client,
        client.stream("GET", f"/api/v1/live{query}", headers=headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = aiter(response.aiter_lines())
        assert [await anext(lines) for _ in range(3)] == ["retry: 2000", ": connected", ""]
        yield lines


async def event(lines: AsyncIterator[str]) -> dict[str, str]:
    """Return the next event's fields."""
    fields: dict[str, str] = {}
    async for line in lines:
        if not line:
            return fields
        name, _, value = line.partition(": ")
        fields[name] = value
    return fields


async def test_a_change_reaches_whom_it_concerns_and_nobody_else(fakes: Parts, ours: Headers, theirs: Headers) -> None:
    async with serving(fakes) as server, listening(server, ours) as mine, listening(server, theirs) as others:
        assert (await event(mine))["event"] == "cursor"
        assert (await event(others))["event"] == "cursor"
        fakes.changes.make(OURS, 12.5)
        fakes.changes.make(THEIRS, 99.5)
        await server.feed.look()
        first, second = await event(mine), await event(others)
        assert '"value":12.5' in first["data"]
        assert '"value":99.5' in second["data"]


async def test_a_page_that_comes_back_gets_what_it_missed(fakes: Parts, ours: Headers) -> None:
    async with serving(fakes) as server:
        async with listening(server, ours, "?site_id=10") as lines:
            seen = (await event(lines))["id"]
        fakes.changes.make(OURS, 12.5)
        fakes.changes.make(THEIRS, 99.5)
        async with listening(server, {**ours, "Last-Event-ID": seen}, "?site_id=10") as lines:
            missed = await event(lines)
            assert missed["event"] == "latest"
            assert '"value":12.5' in missed["data"]
            fakes.changes.make(OURS, 13.5)
            await server.feed.look()
            assert '"value":13.5' in (await event(lines))["data"] + (await event(lines))["data"]


async def test_stopping_ends_every_stream_in_a_sentence_and_at_once(fakes: Parts, ours: Headers) -> None:
    async with serving(fakes) as server, listening(server, ours) as first, listening(server, ours) as second:
        await event(first)
        await event(second)
        server.stop.set()
        async with asyncio.timeout(1):
            assert await event(first) == {"event": "end", "data": "stopping"}
            assert await event(second) == {"event": "end", "data": "stopping"}


async def test_a_client_that_reads_nothing_is_dropped_and_the_others_go_on(fakes: Parts, ours: Headers) -> None:
    async with serving(fakes) as server, listening(server, ours) as lines:
        await event(lines)
        stuck = socket.create_connection(server.address)
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with closing(stuck):
            head = f"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nAuthorization: {ours['Authorization']}\r\n\r\n"
            stuck.sendall(head.encode())
            async with asyncio.timeout(PATIENCE_S):
                while clients(fakes) < 2:
                    await asyncio.sleep(0)
                while clients(fakes) == 2:
                    await burst(fakes, server)
                    await asyncio.wait_for(event(lines), PATIENCE_S)
        assert fakes.wiring.metrics.registry.get_sample_value("siloscope_api_live_dropped_total") == 1


def clients(fakes: Parts) -> float:
    return fakes.wiring.metrics.registry.get_sample_value("siloscope_api_live_clients") or 0


async def burst(fakes: Parts, server: Server) -> None:
    """One change with so long a reason that a socket's buffers fill soon."""
    fakes.changes.make(OURS, 1)
    fakes.changes.made[-1].change.reason = "x" * 200_000
    await server.feed.look()


@pytest.mark.parametrize(("trusted", "address"), [(None, "127.0.0.1"), ("127.0.0.1", "203.0.113.9")])
async def test_only_a_trusted_proxy_says_who_the_client_is(
    fakes: Parts, records: list[dict[str, object]], trusted: str | None, address: str
) -> None:
    async with serving(fakes, trusted) as server, httpx2.AsyncClient(base_url=server.url) as client:
        await client.get("/api/v1/sites", headers={"X-Forwarded-For": "203.0.113.9"})
    assert [record["client"] for record in records if record["event"] == "request"] == [address]


async def test_the_server_does_not_say_what_it_is_made_of(fakes: Parts) -> None:
    async with serving(fakes) as server, httpx2.AsyncClient(base_url=server.url) as client:
        assert "server" not in (await client.get("/healthz")).headers
