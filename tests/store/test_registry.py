"""Positions are assigned once, whoever asks at the same time."""

import asyncio
from datetime import UTC, datetime
from random import Random

import psycopg
import pytest

from siloscope_contract.topics import NodeName
from siloscope_store import registry
from siloscope_store.connections import connect_async
from siloscope_store.registry import NewChannel, RegistryRefusal

NODE = NodeName.of("demo", "north-farm", "yard-pi")


@pytest.fixture
def url(migrated_database_url: str) -> str:
    """A database with one site."""
    with psycopg.connect(migrated_database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO organisation (slug, name) VALUES ('demo', 'Demo')")
        connection.execute("INSERT INTO site (org_id, slug, name) SELECT org_id, 'north-farm', 'N' FROM organisation")
    return migrated_database_url


async def worker(url: str, seed: int) -> None:
    """Register the same device and channels as all the others, in an order of its own."""
    connection = await connect_async(url, autocommit=True)
    try:
        node = await registry.register_node(connection, NODE, "plain")
        device_id = await registry.register_device(connection, node.node_id, "head")
        keys = [f"t{at}" for at in range(12)]
        Random(seed).shuffle(keys)
        for at in range(0, len(keys), 3):
            wanted = [NewChannel(key, "temperature", "Cel") for key in keys[at : at + 3]]
            await registry.add_channels(connection, device_id, wanted)
    finally:
        await connection.close()


async def test_workers_that_register_the_same_channels_at_once_agree(url: str) -> None:
    await asyncio.gather(*(worker(url, seed) for seed in range(6)))
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT key, position FROM channel WHERE retired_at IS NULL").fetchall()
        assert connection.execute("SELECT count(*) FROM channel").fetchone() == (12,)
    assert sorted(key for key, _ in found) == sorted(f"t{at}" for at in range(12))
    assert sorted(position for _, position in found) == list(range(12))


async def test_workers_at_once_do_not_exceed_the_limit_of_devices(url: str) -> None:
    async def register(at: int) -> bool:
        connection = await connect_async(url, autocommit=True)
        try:
            node = await registry.register_node(connection, NODE, "plain")
            await registry.register_device(connection, node.node_id, f"device{at}", most=3)
        except RegistryRefusal as refused:
            return refused.reason != "too_many_devices"
        finally:
            await connection.close()
        return True

    registered = await asyncio.gather(*map(register, range(8)))
    assert sum(registered) == 3


async def test_a_group_does_not_change_its_retention_class(url: str) -> None:
    connection = await connect_async(url, autocommit=True)
    try:
        node = await registry.register_node(connection, NODE, "agent")
        device_id = await registry.register_device(connection, node.node_id, "head")
        channel = [NewChannel("t1", "temperature", "Cel")]
        await registry.add_channels(connection, device_id, channel)
        with pytest.raises(RegistryRefusal, match="expected measurements"):
            await registry.add_channels(connection, device_id, channel, retention_class="vitals")
    finally:
        await connection.close()


async def test_an_older_status_that_another_worker_writes_later_changes_nothing(url: str) -> None:
    connection = await connect_async(url, autocommit=True)
    try:
        node = await registry.register_node(connection, NODE, "agent")
        newer, older = (datetime(2024, 1, 1, 12, minute, tzinfo=UTC) for minute in (5, 1))
        for state, at in (("online", older), ("offline", newer), ("online", older)):
            await registry.note_presence(connection, [registry.Presence(node.node_id, at, None, state, at)])
        await registry.note_presence(connection, [registry.Presence(node.node_id, newer, newer, None, None)])
        row = await (await connection.execute("SELECT state, state_at, last_pack_at FROM node")).fetchone()
    finally:
        await connection.close()
    assert row == ("offline", newer, newer)
