"""A database with a farm in it, and ingest running in the test's own event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from siloscope_deploy.servers.nats import NatsServer
from siloscope_ingest.metrics import Metrics
from siloscope_ingest.ports import Traces
from siloscope_ingest.service import Ingest
from siloscope_ingest.settings import IngestSettings
from siloscope_process import broker_url
from siloscope_process.clock import Clock, SystemClock
from siloscope_process.operations import Health
from siloscope_store import samples
from tests.brokers import TestBroker
from tests.ingest.waiting import eventually


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches go the way of large ones, however few samples they hold."""
    monkeypatch.setattr(samples, "MANY", 1)


@pytest.fixture
def farm_url(migrated_database_url: str) -> str:
    """A migrated database with the sites demo/north-farm and rival/south-farm, once per home."""
    add_sites(migrated_database_url)
    return migrated_database_url


@pytest.fixture
def postgres_farm_url(migrated_postgres_url: str) -> str:
    """The same on plain PostgreSQL alone, for what cannot differ."""
    add_sites(migrated_postgres_url)
    return migrated_postgres_url


def add_sites(url: str) -> None:
    """Make two organisations with a site each."""
    with psycopg.connect(url, autocommit=True) as connection:
        for org, site in (("demo", "north-farm"), ("rival", "south-farm")):
            connection.execute("INSERT INTO organisation (slug, name) VALUES (%s, %s)", (org, org))
            connection.execute(
                "INSERT INTO site (org_id, slug, name) SELECT org_id, %s, %s FROM organisation WHERE slug = %s",
                (site, site, org),
            )


class Farm:
    """Asks the database."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return what a statement finds."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    async def change(self, statement: str) -> None:
        """Carry out a statement, in a thread: it may have to wait for a transaction of ingest, which runs in ours."""
        await asyncio.to_thread(self._execute, statement)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def value(self, statement: str, *parameters: object) -> Any:
        """Return the one value of a statement; None where it finds nothing."""
        found = self.rows(statement, *parameters)
        return found[0][0] if found else None

    async def until(self, statement: str, expected: object) -> None:
        """Wait until a statement's one value is as expected."""
        await eventually(lambda: self.value(statement) == expected, lambda: self.value(statement))


@pytest.fixture
def farm(postgres_farm_url: str) -> Farm:
    """A farm on plain PostgreSQL."""
    return Farm(postgres_farm_url)


@pytest.fixture
def homes(farm_url: str) -> Farm:
    """A farm on each home: what depends on how samples are stored."""
    return Farm(farm_url)


@pytest.fixture
def now_ms() -> int:
    """This second."""
    return SystemClock().now_ms() // 1000 * 1000


@pytest.fixture
def pulling(nats_broker: TestBroker) -> dict[str, Any]:
    """What a worker is told that pulls from the stream of this NATS."""
    assert isinstance(nats_broker.server, NatsServer)
    return {"nats_url": nats_broker.server.client_url, "nats_replicas": 1}


@asynccontextmanager
async def nobody_writes(farm: Farm) -> AsyncIterator[None]:
    """Hold back every commit."""
    async with await psycopg.AsyncConnection.connect(farm.url) as connection:
        await connection.execute("LOCK TABLE node_epoch, sample IN ACCESS EXCLUSIVE MODE")
        yield


@asynccontextmanager
async def running_ingest(
    database_url: str, mqtt_url: str, *, traces: Traces | None = None, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Ingest]:
    """Run ingest until the block ends, then stop it as SIGTERM does."""
    told = IngestSettings(database_url=database_url, mqtt_url=mqtt_url, **settings)
    health = Health(["database", "broker"] if told.nats_url is None else ["database", "broker", "stream"])
    ingest = Ingest(
        told, broker_url.parse_all(mqtt_url), clock or SystemClock(), health, Metrics(CollectorRegistry()), traces
    )
    stop = asyncio.Event()
    task = asyncio.ensure_future(ingest.run(stop))
    try:
        await eventually(lambda: health.ready or task.done(), health.report)
        yield ingest
    finally:
        stop.set()
        await task
