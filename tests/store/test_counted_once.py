"""Which batches of refused messages are counted already."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection, Rollback

from siloscope_store import shelf
from siloscope_store.connections import connect_async
from siloscope_store.quarantine import BatchNumber, is_uncounted

pytestmark = pytest.mark.postgres
ONE, OTHER = UUID(int=1), UUID(int=2)


async def count(connection: AsyncConnection[Any], writer: UUID, number: int) -> bool:
    async with connection.transaction():
        return await is_uncounted(connection, BatchNumber(writer, number))


async def test_a_batch_is_counted_once_and_a_later_one_again(migrated_postgres_url: str) -> None:
    async with await connect_async(migrated_postgres_url, autocommit=True) as connection:
        told = [(ONE, 1), (ONE, 1), (OTHER, 1), (ONE, 7), (ONE, 7), (OTHER, 1)]
        assert [await count(connection, *each) for each in told] == [True, False, True, True, False, False]


async def test_one_that_was_taken_back_is_counted_with_the_next_try(migrated_postgres_url: str) -> None:
    async with await connect_async(migrated_postgres_url, autocommit=True) as connection:
        async with connection.transaction():
            assert await is_uncounted(connection, BatchNumber(ONE, 1))
            raise Rollback
        assert await count(connection, ONE, 1)


@pytest.mark.parametrize("committed", [True, False])
async def test_one_whose_first_transaction_is_under_way_waits_for_its_end(
    migrated_postgres_url: str, *, committed: bool
) -> None:
    """The server may still be at it when the connection is gone for the writer."""
    async with (
        await connect_async(migrated_postgres_url, autocommit=True) as first,
        await connect_async(migrated_postgres_url, autocommit=True) as second,
    ):
        async with first.transaction():
            assert await is_uncounted(first, BatchNumber(ONE, 1))
            again = asyncio.ensure_future(count(second, ONE, 1))
            waiting = "SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted"
            while await (await first.execute(waiting, (second.info.backend_pid,))).fetchone() != (1,):
                assert not again.done()
            if not committed:
                raise Rollback
        assert await again is not committed


async def test_writers_that_ended_long_ago_are_forgotten(migrated_postgres_url: str) -> None:
    async with await connect_async(migrated_postgres_url, autocommit=True) as connection:
        assert await count(connection, ONE, 1)
        assert await count(connection, OTHER, 1)
        await connection.execute(
            "UPDATE quarantine_counted SET at = now() - INTERVAL '31 days' WHERE writer = %s", (ONE,)
        )
        await shelf.prune(connection, older_than_days=90, most_bytes=2**20, limit=10)
        found = await connection.execute("SELECT writer FROM quarantine_counted")
        assert await found.fetchall() == [(OTHER,)]
