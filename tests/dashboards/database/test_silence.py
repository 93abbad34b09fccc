"""A database that accepts everything and says nothing, as one behind a dead network or on a frozen machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx2
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from siloscope_dashboards import database
from siloscope_store.connections import Pool, async_pool
from tests.dashboards.answers import assert_problem
from tests.dashboards.conftest import Headers

pytestmark = pytest.mark.postgres


class Line:
    """A TCP connection to the database that can be held up.

    Args:
        host, port: The database.
    """

    def __init__(self, host: str, port: int) -> None:
        self._database = (host, port)
        self.open = asyncio.Event()
        self.open.set()
        self._carrying: set[asyncio.Task[None]] = set()

    async def end(self) -> None:
        """Wait until the last connection is closed."""
        self.open.set()
        await asyncio.gather(*self._carrying)

    def accept(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        """Serve one client."""
        self._carrying.add(asyncio.ensure_future(self._carry(near, to_near)))

    async def _carry(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        if not self.open.is_set():
            to_near.close()
            await to_near.wait_closed()
            return
        far, to_far = await asyncio.open_connection(*self._database)
        await asyncio.gather(self._pipe(near, to_far), self._pipe(far, to_near))

    async def _pipe(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                await self.open.wait()
                target.write(data)
                await target.drain()
        with suppress(OSError):
            target.close()
            await target.wait_closed()


@pytest.fixture
async def line(migrated_postgres_url: str) -> AsyncIterator[tuple[Line, str]]:
    """A line to the database, and the URL through it."""
    given = conninfo_to_dict(migrated_postgres_url)
    line = Line(str(given["host"]), int(str(given["port"])))
    server = await asyncio.start_server(line.accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield line, make_conninfo(migrated_postgres_url, host="127.0.0.1", port=port)
    server.close()
    await line.end()


@pytest.fixture
async def pool(line: tuple[Line, str]) -> AsyncIterator[Pool]:
    """The API's pool, over the line."""
    async with async_pool(line[1], max_size=2) as pool:
        yield pool


async def test_a_silent_database_makes_it_unready_at_once(
    client: httpx2.AsyncClient, ours: Headers, line: tuple[Line, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_PROBE_PATIENCE_S", 0.2)
    line[0].open.clear()
    response = await client.get("http://siloscope.test/readyz", headers=ours)
    line[0].open.set()
    assert_problem(response, 503)
    assert response.json()["checks"]["database"] == {"ok": False, "detail": "silent for 0.2 s"}


async def test_no_request_waits_for_ever(
    client: httpx2.AsyncClient, ours: Headers, line: tuple[Line, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LONGEST_LOAN_S", 0.2)
    line[0].open.clear()
    async with asyncio.timeout(20):  # psycopg gives the cancelling of a statement its own 5 s
        response = await client.get("/sites", headers=ours)
    assert_problem(response, 503)
    assert "silent" in response.json()["detail"]
