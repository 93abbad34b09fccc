"""Two farms of two organisations in one database, and a connection of each kind."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_store.connections import connect, connect_async
from tests.store.farm import Farm


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
