"""The app over a real database with two farms of two organisations; the clock stands at the farms' noon."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from psycopg import Connection

from siloscope_dashboards.app import create_app
from siloscope_dashboards.auth.passwords import Passwords
from siloscope_dashboards.auth.sessions import Sessions
from siloscope_dashboards.auth.throttle import LoginThrottle
from siloscope_dashboards.auth.tokens import AccessTokens
from siloscope_dashboards.database import DatabaseAccounts, DatabaseChanges, DatabaseReadings
from siloscope_dashboards.database_alerts import DatabaseAlerts
from siloscope_dashboards.database_nodes import DatabaseNodes
from siloscope_dashboards.database_notifying import DatabaseNotifying
from siloscope_dashboards.database_retention import DatabaseRetention
from siloscope_dashboards.database_rules import DatabaseRules
from siloscope_dashboards.live.hub import Hub
from siloscope_dashboards.mending import DatabaseMending
from siloscope_dashboards.operations.metrics import Metrics
from siloscope_dashboards.page.assets import Assets
from siloscope_dashboards.wiring import Wiring
from siloscope_process.clock import ManualClock, to_ms
from siloscope_store import users
from siloscope_store.connections import Pool, async_pool, connect
from tests.dashboards.account_fakes import CHEAP, PASSWORD
from tests.dashboards.conftest import Headers
from tests.databases import TestServer
from tests.store.farm import NOW, Farm


@pytest.fixture(scope="session")
def shared_url(postgres_server: TestServer) -> Iterator[str]:
    """One migrated database for all tests of this folder: emptying it takes a tenth of making one."""
    with postgres_server.migrated() as url:
        yield url


@pytest.fixture
def migrated_postgres_url(shared_url: str) -> str:
    """A database with today's schema and no rows."""
    with connect(shared_url, autocommit=True) as connection:
        connection.execute("TRUNCATE organisation, store_identity, sample, sample_vitals, latest CASCADE")
    return shared_url


@pytest.fixture
def owner(migrated_postgres_url: str) -> Iterator[Connection[Any]]:
    """A connection of the schema's owner."""
    with connect(migrated_postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def farm(owner: Connection[Any]) -> Farm:
    """Our farm; its user is `ada`."""
    return _farm(owner, "ours", "ada")


@pytest.fixture
def foreign(owner: Connection[Any]) -> Farm:
    """A farm of another organisation, with the same names; its user is `bob`."""
    return _farm(owner, "theirs", "bob")


@pytest.fixture
async def pool(migrated_postgres_url: str) -> AsyncIterator[Pool]:
    """The API's pool."""
    async with async_pool(migrated_postgres_url, max_size=4) as pool:
        yield pool


@pytest.fixture
def wiring(pool: Pool, tmp_path: Path) -> Wiring:
    """The app's parts over the database."""
    clock = ManualClock(to_ms(NOW))
    accounts = DatabaseAccounts(pool)
    tokens = AccessTokens(b"k" * 32, clock)
    return Wiring(
        readings=DatabaseReadings(pool, clock),
        mending=DatabaseMending(pool, clock),
        alerts=DatabaseAlerts(pool, clock),
        rulebook=DatabaseRules(pool),
        notifying=DatabaseNotifying(pool),
        nodes=DatabaseNodes(pool),
        retention=DatabaseRetention(pool, clock),
        changes=DatabaseChanges(pool, clock),
        accounts=accounts,
        sessions=Sessions(accounts, tokens, Passwords(CHEAP), LoginThrottle(clock), clock),
        tokens=tokens,
        hub=Hub(),
        metrics=Metrics(),
        assets=Assets(tmp_path),
        clock=clock,
    )


@pytest.fixture
async def client(wiring: Wiring) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the app; nobody is logged in."""
    transport = httpx2.ASGITransport(create_app(wiring), client=("192.0.2.7", 1234))
    async with httpx2.AsyncClient(transport=transport, base_url="http://siloscope.test/api/v1") as client:
        yield client


@pytest.fixture
async def ours(client: httpx2.AsyncClient, farm: Farm) -> Headers:
    """The header of our user."""
    return await log_in(client, "ada")


@pytest.fixture
async def theirs(client: httpx2.AsyncClient, foreign: Farm) -> Headers:
    """The header of the other organisation's user."""
    return await log_in(client, "bob")


def _farm(owner: Connection[Any], slug: str, username: str) -> Farm:
    farm = Farm(owner, slug)
    users.add(owner, slug, username, PASSWORD, "viewer")
    return farm


async def log_in(client: httpx2.AsyncClient, username: str) -> Headers:
    """Return the header of a user."""
    response = await client.post("/auth/token", json={"username": username, "password": PASSWORD})
    assert response.status_code == 200, response.text
    return {"Authorization": f"Bearer {response.json()['access_token']}"}
