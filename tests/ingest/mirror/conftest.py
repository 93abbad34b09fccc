"""A farm, a server of the write API, and a mirror between them."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_store.connections import connect, connect_async
from tests.ingest.mirror.fake_influx import FakeInflux, fake_influx
from tests.ingest.mirror.mirrored import Mirror
from tests.store.farm import Farm, Group


@pytest.fixture
def influx() -> Iterator[FakeInflux]:
    with fake_influx() as fake:
        yield fake


@pytest.fixture
def owner(migrated_database_url: str) -> Iterator[Connection[Any]]:
    with connect(migrated_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def connection(migrated_database_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    async with await connect_async(migrated_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def farm(owner: Connection[Any]) -> Farm:
    return Farm(owner, "ours")


@pytest.fixture
def head(farm: Farm) -> Group:
    return farm.group("head", [("t1", "temperature", "Cel"), ("t2", "temperature", "Cel")])


@pytest.fixture
def one(influx: FakeInflux) -> Iterator[Mirror]:
    made = Mirror(influx.url)
    yield made
    made.endpoint.close()
