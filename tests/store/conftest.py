"""Two farms of two organisations in one database, and a connection of each kind.

These tests share one migrated database per home and empty its tables: that takes a tenth of making a database.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_store.connections import connect, connect_async
from tests.databases import TestServer
from tests.store.farm import Farm


@pytest.fixture(scope="session")
def shared_postgres_url(postgres_server: TestServer) -> Iterator[str]:
    """One migrated database on plain PostgreSQL for all tests of this folder."""
    with postgres_server.migrated() as url:
        yield url


@pytest.fixture(scope="session")
def shared_timescale_url(timescale_server: TestServer) -> Iterator[str]:
    """The same on TimescaleDB."""
    with timescale_server.migrated() as url:
        yield url


# Deleting the few rows of a test takes milliseconds; TRUNCATE makes a hundred files anew.
EMPTY = """
DO $$
DECLARE
    relation regclass;
BEGIN
    SET LOCAL session_replication_role = replica;  -- in any order: foreign keys do not look
    FOR relation IN
        SELECT oid FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
            AND NOT relname ~ 'yoyo'
    LOOP
        EXECUTE format('DELETE FROM %s', relation);
    END LOOP;
END
$$
"""


@pytest.fixture
def migrated_database_url(database_home: str, request: pytest.FixtureRequest) -> str:
    """A database with today's schema and no rows, once per home."""
    url = str(request.getfixturevalue(f"shared_{database_home}_url"))
    with connect(url, autocommit=True) as connection:
        connection.execute(EMPTY)
    return url


@pytest.fixture
def owner(migrated_database_url: str) -> Iterator[Connection[Any]]:
    """A connection of the schema's owner, once per home."""
    with connect(migrated_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def connection(migrated_database_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    """An asynchronous connection of the owner to the same database."""
    async with await connect_async(migrated_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def farm(owner: Connection[Any]) -> Farm:
    """The farm that a test looks at."""
    return Farm(owner, "ours")


@pytest.fixture
def foreign(owner: Connection[Any]) -> Farm:
    """A farm of another organisation, with the same names."""
    return Farm(owner, "theirs")
