"""Many nodes and devices registered at once: each once, with all of its channels, whoever does so at the same time."""

import asyncio

import psycopg
import pytest

from siloscope_contract.topics import NodeName
from siloscope_store import mass_registration, registry
from siloscope_store.connections import connect_async
from siloscope_store.registry import NewChannel

CHANNELS = [NewChannel("t1", "temperature", "Cel"), NewChannel("t2", "temperature", "Cel")]
NODES = [NodeName.of("demo", "north-farm", f"n{at}") for at in range(30)]


@pytest.fixture
def url(migrated_database_url: str) -> str:
    """A database with one site."""
    with psycopg.connect(migrated_database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO organisation (slug, name) VALUES ('demo', 'Demo')")
        connection.execute("INSERT INTO site (org_id, slug, name) SELECT org_id, 'north-farm', 'N' FROM organisation")
    return migrated_database_url


async def test_workers_that_meet_the_same_newcomers_register_each_once(url: str) -> None:
    async def worker(names: list[NodeName]) -> tuple[int, int]:
        connection = await connect_async(url, autocommit=True)
        try:
            made = await mass_registration.register_new(connection, "plain", {name: {"a": CHANNELS} for name in names})
            nodes = await registry.find_nodes(connection, names)
            more = {node.node_id: {"b": CHANNELS, "c": CHANNELS} for node in nodes}
            return made, await mass_registration.register_devices(connection, more, 64)
        finally:
            await connection.close()

    done = await asyncio.gather(worker(NODES), worker(NODES[::-1]), worker(NODES[5:25]))
    assert sum(made for made, _ in done) == 30
    assert sum(more for _, more in done) == 60
    connection = await connect_async(url, autocommit=True)
    try:
        nodes = await registry.find_nodes(connection, NODES)
        layouts = await registry.layouts(connection, [node.node_id for node in nodes])
    finally:
        await connection.close()
    assert {(node_id, device) for node_id, device in layouts} == {
        (node.node_id, device) for node in nodes for device in "abc"
    }
    assert {tuple((each.key, each.position) for each in channels) for _, channels in layouts.values()} == {
        (("t1", 0), ("t2", 1))
    }


async def test_a_node_that_announces_its_devices_or_has_too_many_gets_none(url: str) -> None:
    connection = await connect_async(url, autocommit=True)
    try:
        agent = await registry.register_node(connection, NODES[0], "agent")
        full = await registry.register_node(connection, NODES[1], "plain")
        free = await registry.register_node(connection, NODES[2], "plain")
        wanted = {
            agent.node_id: {"a": CHANNELS},
            full.node_id: dict.fromkeys("abc", CHANNELS),
            free.node_id: {"a": CHANNELS, "b": CHANNELS},
        }
        assert await mass_registration.register_devices(connection, wanted, 2) == 2
        found = await registry.layouts(connection, [agent.node_id, full.node_id, free.node_id])
    finally:
        await connection.close()
    assert sorted(found) == [(free.node_id, "a"), (free.node_id, "b")]
