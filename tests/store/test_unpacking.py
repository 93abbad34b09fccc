"""Whoever writes where chunks may be compressed unpacks as much as it takes: the limit of 100 000 rows would stop it.

TimescaleDB Community is not among the tests' servers: the database is made to believe that it is one.
"""

from typing import Any

import pytest
from psycopg import AsyncConnection

from siloscope_store import samples
from siloscope_store.connections import connect, connect_async
from siloscope_store.retention.turns import turn
from siloscope_store.rollups import computing

pytestmark = pytest.mark.postgres
LIMIT = "SELECT current_setting('timescaledb.max_tuples_decompressed_per_dml_transaction', true)"


@pytest.fixture
def community_url(migrated_postgres_url: str) -> str:
    with connect(migrated_postgres_url, autocommit=True) as owner:
        owner.execute(
            "CREATE OR REPLACE FUNCTION storage_flavour() RETURNS text LANGUAGE sql "
            "AS $$ SELECT 'timescale_community' $$"
        )
    return migrated_postgres_url


async def test_ingest_and_roll_ups(community_url: str) -> None:
    for prepare in (samples.prepare, computing.prepare):
        async with await connect_async(community_url, autocommit=True) as connection:
            await prepare(connection)
            assert await limit_of(connection) == "0"


def test_retention_and_archive(community_url: str) -> None:
    with connect(community_url, autocommit=True) as connection, turn(connection):
        row = connection.execute(LIMIT).fetchone()
        assert row == ("0",)


async def limit_of(connection: AsyncConnection[Any]) -> str | None:
    row = await (await connection.execute(LIMIT)).fetchone()
    return None if row is None else row[0]
