"""Somebody to tell, and ways to tell them.

These tests share one database of plain PostgreSQL and empty its tables, which takes a tenth of making one: messages are
the same on every home, and the statements of the outbox are tested on all of them with the store.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry
from psycopg import Connection

from siloscope_alerting.notify.metrics import DeliveryMetrics
from siloscope_alerting.notify.service import Notifying, http_client
from siloscope_alerting.settings import AlertingSettings
from siloscope_process.clock import SystemClock
from siloscope_store.connections import Pool, async_pool, connect
from tests.alerting.conftest import AlertFarm
from tests.alerting.notify.fake_telegram import FakeTelegram, telegram
from tests.alerting.notify.receiver import Receiver, receiving
from tests.alerting.notify.world import World
from tests.databases import TestServer
from tests.store.conftest import EMPTY


@pytest.fixture(scope="session")
def shared_url(postgres_server: TestServer) -> Iterator[str]:
    """One migrated database for all tests of this folder."""
    with postgres_server.migrated() as url:
        yield url


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.postgres)])
def migrated_database_url(request: pytest.FixtureRequest) -> str:
    """A database with today's schema and no rows but the evaluator's."""
    url = str(request.getfixturevalue("shared_url"))
    with connect(url, autocommit=True) as connection:
        connection.execute(EMPTY)
        connection.execute("INSERT INTO alert_evaluator DEFAULT VALUES")
    return url


@pytest.fixture
def world(owner: Connection[Any], alert_farm: AlertFarm) -> World:
    """The farm's organisation, with nobody to tell yet."""
    return World(owner, alert_farm.org_id, alert_farm.site_id, alert_farm.node_id)


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[Pool]:
    """Connections as the service has them."""
    async with async_pool(migrated_database_url) as pool:
        yield pool


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Where webhooks go."""
    async with receiving() as found:
        yield found


@pytest.fixture
async def fake_telegram() -> AsyncIterator[FakeTelegram]:
    """Where Telegram's messages go."""
    async with telegram() as found:
        yield found


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """The client of all senders."""
    async with http_client() as found:
        yield found


def notifying(pool: Pool, url: str, client: httpx2.AsyncClient, **told: Any) -> Notifying:
    """Return what sends, on the machine's clock; `told` are settings."""
    settings = AlertingSettings(database_url=url, **told)
    return Notifying(pool, settings, client, SystemClock(), asyncio.Event(), DeliveryMetrics(CollectorRegistry()))
