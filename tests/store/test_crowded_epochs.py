"""A node that makes up epochs: the ledger keeps those that were heard of last, and says how many it forgot."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from siloscope_contract.topics import NodeName
from siloscope_store import ledger, registry, watermarks
from siloscope_store.connections import connect_async

pytestmark = pytest.mark.postgres
MAD, SOUND = (NodeName.of("demo", "north-farm", name) for name in ("mad", "sound"))


@pytest.fixture
def url(migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with a site, in which twenty epochs are too many."""
    monkeypatch.setattr(ledger, "MOST_EPOCHS", 20)
    monkeypatch.setattr(ledger, "KEPT_EPOCHS", 15)
    with psycopg.connect(migrated_postgres_url, autocommit=True) as setup:
        setup.execute("INSERT INTO organisation (slug, name) VALUES ('demo', 'Demo')")
        setup.execute("INSERT INTO site (org_id, slug, name) SELECT org_id, 'north-farm', 'N' FROM organisation")
    return migrated_postgres_url


@pytest.fixture
async def connection(url: str) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection that may write, and two nodes: the first has begun 30 epochs, the second 20."""
    async with await connect_async(url, autocommit=True) as found:
        await ledger.prepare(found)
        await watermarks.identify(found)
        for node, epochs in ((MAD, 30), (SOUND, 20)):
            await registry.register_node(found, node, "agent")
            for number in range(epochs):
                await account(found, node, number)
        yield found


def epoch(number: int) -> str:
    return f"{number:032x}"


async def account(connection: AsyncConnection[Any], node: NodeName, number: int, below: int = 2) -> None:
    known = await registry.find_node(connection, node)
    assert known is not None
    async with connection.transaction():
        rows = ledger.accounted_rows({(known.node_id, epoch(number)): [(1, below)]})
        await ledger.account(connection, rows)


async def epochs(connection: AsyncConnection[Any], node: NodeName) -> list[int]:
    found = await connection.execute(
        "SELECT replace(epoch::text, '-', '') FROM node_epoch JOIN node USING (node_id) WHERE slug = %s ORDER BY 1",
        (str(node).rpartition("/")[2],),
    )
    return [int(text, 16) for (text,) in await found.fetchall()]


async def test_only_a_node_with_too_many_loses_those_heard_of_longest_ago(connection: AsyncConnection[Any]) -> None:
    await account(connection, MAD, 3, below=9)  # heard of again
    assert await ledger.crowded_nodes(connection) == [1]
    assert await ledger.forget_epochs(connection, 1, limit=100) == 15
    assert await epochs(connection, MAD) == [3, *range(16, 30)]
    assert await epochs(connection, SOUND) == list(range(20))
    assert await ledger.crowded_nodes(connection) == []
    (_, mark), *_ = await watermarks.read(connection, [1])
    assert {int(each, 16): found.below for each, found in mark.epochs.items()}[3] == 9


async def test_the_trail_says_how_many(connection: AsyncConnection[Any]) -> None:
    assert [await ledger.forget_epochs(connection, 1, limit=10) for _ in range(3)] == [10, 5, 0]
    found = await connection.execute("SELECT actor, action, subject, (detail ->> 'epochs')::int FROM audit ORDER BY at")
    assert await found.fetchall() == [("jobs", "epochs.prune", str(MAD), count) for count in (10, 5)]


async def test_folded_numbers_go_with_their_epoch(connection: AsyncConnection[Any]) -> None:
    for number in (2, 29):
        await connection.execute(
            "INSERT INTO node_epoch_folded (node_id, epoch, span) VALUES (1, %s, '[1,2)')", (epoch(number),)
        )
    await ledger.forget_epochs(connection, 1, limit=100)
    found = await connection.execute("SELECT replace(epoch::text, '-', '') FROM node_epoch_folded")
    assert await found.fetchall() == [(epoch(29),)]


async def test_what_a_worker_writes_just_now_is_left_and_nobody_waits(
    connection: AsyncConnection[Any], url: str
) -> None:
    async with await connect_async(url, autocommit=True) as worker:
        await ledger.prepare(worker)
        async with worker.transaction():
            await ledger.account(worker, ledger.accounted_rows({(1, epoch(0)): [(5, 6)]}))
            await connection.execute("SET lock_timeout = '1ms'")
            assert await ledger.forget_epochs(connection, 1, limit=100) == 14
    assert await epochs(connection, MAD) == [0, *range(15, 30)]


async def test_a_forgotten_one_begins_anew_when_it_is_heard_of(connection: AsyncConnection[Any]) -> None:
    await ledger.forget_epochs(connection, 1, limit=100)
    await account(connection, MAD, 0, below=4)
    assert await watermarks.belows(connection, 1, [epoch(0)]) == {epoch(0): 4}
