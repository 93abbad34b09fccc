"""The ledger of numbers on a real database, checked against sets of numbers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from siloscope_contract.packs import Epoch
from siloscope_contract.topics import NodeName
from siloscope_contract.watermarks import EpochMark
from siloscope_store import ledger, registry, watermarks
from siloscope_store.connections import connect_async
from siloscope_store.ranges import of_numbers

pytestmark = pytest.mark.postgres
EPOCH = Epoch("ab" * 16)
NODE = NodeName.of("demo", "north-farm", "yard-pi")


@pytest.fixture
async def connection(migrated_postgres_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection that may write, and a registered node."""
    with psycopg.connect(migrated_postgres_url, autocommit=True) as setup:
        setup.execute("INSERT INTO organisation (slug, name) VALUES ('demo', 'Demo')")
        setup.execute("INSERT INTO site (org_id, slug, name) SELECT org_id, 'north-farm', 'N' FROM organisation")
    found = await connect_async(migrated_postgres_url, autocommit=True)
    await ledger.prepare(found)
    await watermarks.identify(found)
    await registry.register_node(found, NODE, "agent")
    yield found
    await found.close()


async def account(connection: AsyncConnection[Any], numbers: set[int]) -> None:
    async with connection.transaction():
        await ledger.account(connection, ledger.accounted_rows({(1, EPOCH): of_numbers(sorted(numbers))}))


async def test_many_gaps_are_folded_and_the_mark_stays_true(connection: AsyncConnection[Any]) -> None:
    random = Random(7)
    accounted: set[int] = set()
    for start in range(1, 12_001, 3000):
        numbers = {number for number in range(start, start + 3000) if number % 2 or random.random() < 0.1}
        await account(connection, numbers)
        accounted |= numbers
    row = await (await connection.execute("SELECT count(*) FROM node_epoch, unnest(accounted)")).fetchone()
    assert row is not None
    assert row[0] <= ledger.MOST_RANGES + 1500
    folded = await (await connection.execute("SELECT count(*) FROM node_epoch_folded")).fetchone()
    assert folded is not None
    assert folded[0] > 1000
    (_, watermark), *_ = await watermarks.read(connection, [1])
    mark = watermark.epochs[EPOCH]
    for number in range(1, mark.known_to):
        assert mark.accounts_for(number) == (number in accounted)


async def test_gaps_that_are_filled_after_folding_raise_the_mark(connection: AsyncConnection[Any]) -> None:
    await account(connection, set(range(1, 6000, 2)))
    await account(connection, set(range(2, 6000, 2)))
    (_, watermark), *_ = await watermarks.read(connection, [1])
    assert watermark.epochs[EPOCH] == EpochMark(6000, 6000)


async def test_a_refused_number_is_listed_once(connection: AsyncConnection[Any]) -> None:
    refused = ledger.RefusedNumber(1, EPOCH, 5, "unknown_unit", "u: found 'C\x00'")
    for _ in range(2):
        await ledger.refuse(connection, [refused])
    row = await (await connection.execute("SELECT seq, reason, detail FROM seq_refused")).fetchall()
    assert row == [(5, "unknown_unit", "u: found 'C␀'")]


async def test_workers_that_are_brought_the_same_gaps_in_another_order_never_deadlock(
    connection: AsyncConnection[Any], migrated_postgres_url: str
) -> None:
    row = await (await connection.execute("SELECT org_id, node_id FROM node")).fetchone()
    assert row is not None
    at = datetime(2024, 5, 1, tzinfo=UTC)
    gaps = [
        ledger.GapRecord(row[0], row[1], "evicted", at, at, EPOCH, None, None, None, None, "", EPOCH, seq, 0)
        for seq in range(1, 2001)
    ]
    async with await connect_async(migrated_postgres_url, autocommit=True) as other:
        await asyncio.gather(ledger.record_gaps(connection, gaps), ledger.record_gaps(other, gaps[::-1]))
    counted = await (await connection.execute("SELECT count(*) FROM gap_record")).fetchone()
    assert counted == (2000,)


async def test_what_a_node_declares_never_lowers_its_next_number(connection: AsyncConnection[Any]) -> None:
    for following in (9, 7):
        await ledger.declare(connection, [ledger.Declared(1, EPOCH, following, 3, "s")])
    row = await (await connection.execute("SELECT declared_next, declared_oldest FROM node_epoch")).fetchone()
    assert row == (9, 3)
