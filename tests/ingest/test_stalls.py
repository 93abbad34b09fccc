"""A database that vanished, stalled, or merely takes its time."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from siloscope_ingest.database import Database, Identity
from siloscope_ingest.stalls import StallWatch
from siloscope_process.clock import ManualClock, SystemClock
from tests.chaos.proxy import Proxy, Weather
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.fake_broker import fake_broker
from tests.ingest.messages import SAMPLES, pack
from tests.ingest.waiting import eventually

pytestmark = pytest.mark.postgres
ROUND_S = 3.0


@pytest.fixture
def proxy(farm: Farm) -> Iterator[Proxy]:
    """Stands before the database."""
    with Proxy("ingest-database", int(str(conninfo_to_dict(farm.url)["port"]))) as proxy:
        yield proxy


def through(proxy: Proxy, url: str) -> str:
    return make_conninfo(url, host="127.0.0.1", port=proxy.port)


class Watched:
    """A connection through the proxy, and a watch over it whose own connection goes the same way."""

    def __init__(self, url: str) -> None:
        self.clock = ManualClock()
        self.said: list[str | None] = []
        self.database = Database(url, "siloscope test", Identity())
        self.watch = StallWatch(url, [self.database], self.clock, self.said.append)

    async def rounds(self, count: int) -> None:
        """Let the watch look so many times."""
        for _ in range(count):
            await eventually(lambda: self.clock.sleepers == 1, lambda: self.clock.sleepers)
            looked = len(self.said)
            self.clock.advance(ROUND_S)
            await eventually(lambda looked=looked: len(self.said) > looked, lambda: self.said)  # type: ignore[misc]


@asynccontextmanager
async def watched(url: str) -> AsyncIterator[Watched]:
    found = Watched(url)
    await found.database.connection()
    task = asyncio.ensure_future(found.watch.run())
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await found.database.drop()


async def test_a_statement_that_never_reached_the_server_is_given_up(farm: Farm, proxy: Proxy) -> None:
    async with watched(through(proxy, farm.url)) as found:
        connection = await found.database.connection()
        proxy.change(Weather(swallows=True))
        asking = asyncio.ensure_future(connection.execute("SELECT 1"))
        await eventually(lambda: connection.pgconn.transaction_status == 1, lambda: connection.pgconn)
        await asyncio.sleep(0.2)  # the proxy has taken it by now, and nobody can see that from here
        proxy.change(Weather())
        await found.rounds(3)
        with pytest.raises(psycopg.OperationalError):
            await asking
        assert found.said[-1] is None
        assert (await (await found.database.connection()).execute("SELECT 2")).rowcount == 1


async def test_a_connection_that_waits_for_a_lock_is_left_alone(farm: Farm, proxy: Proxy) -> None:
    async with watched(through(proxy, farm.url)) as found:
        connection = await found.database.connection()
        async with await psycopg.AsyncConnection.connect(farm.url) as lock:
            await lock.execute("LOCK TABLE sample IN ACCESS EXCLUSIVE MODE")
            asking = asyncio.ensure_future(connection.execute("SELECT count(*) FROM sample"))
            await eventually(lambda: connection.pgconn.transaction_status == 1, lambda: connection.pgconn)
            await found.rounds(6)
            assert not asking.done()
            await lock.rollback()
        assert (await (await asking).fetchone()) == (0,)
        assert set(found.said) == {None}


async def test_a_database_that_stalls_is_said_to_be_away_and_found_again(farm: Farm, proxy: Proxy) -> None:
    now_ms = SystemClock().now_ms() // 1000 * 1000
    async with fake_broker() as broker, running_ingest(through(proxy, farm.url), broker.url) as ingest:
        connection = await broker.connection()
        connection.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
        await eventually(lambda: connection.acknowledged == [1], lambda: connection.acknowledged)
        proxy.change(Weather(holds=True))
        connection.deliver(SAMPLES, pack(2, now_ms + 1000, 1.0), 2)
        report = ingest.service.health.report
        await eventually(partial(says, ingest.service.health.report, database=False, broker=True), report, 40)
        proxy.change(Weather())
        await eventually(lambda: connection.acknowledged == [1, 2], report, 40)
        await eventually(partial(says, ingest.service.health.report, database=True, broker=True), report)
    assert farm.value("SELECT count(*) FROM sample") == 2


async def test_ready_tells_database_away_from_broker_away(farm: Farm, proxy: Proxy) -> None:
    async with fake_broker() as broker, running_ingest(through(proxy, farm.url), broker.url) as ingest:
        connection = await broker.connection()
        report = ingest.service.health.report
        proxy.change(Weather(refuses=True))
        proxy.cut()
        await eventually(partial(says, report, database=False, broker=True), report)
        proxy.change(Weather())
        await eventually(partial(says, report, database=True, broker=True), report)
        broker.refuse_with = 3
        await connection.cut()
        await eventually(partial(says, report, database=True, broker=False), report)
        broker.refuse_with = None
        await eventually(partial(says, report, database=True, broker=True), report)


def says(report: object, **expected: bool) -> bool:
    """Return whether /readyz would say this of each."""
    assert callable(report)
    checks = json.loads(json.dumps(report()))["checks"]
    return {name: checks[name]["ok"] for name in expected} == expected
