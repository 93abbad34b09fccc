"""Several workers see the same new things at once."""

import random
from contextlib import AsyncExitStack

import pytest

from siloscope_contract.births import EpochSpan
from siloscope_contract.topics import Kind, Topic
from siloscope_process.clock import SystemClock
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.fake_broker import fake_broker
from tests.ingest.messages import EPOCH, NODE, SAMPLES, birth, pack
from tests.ingest.waiting import eventually

SEED = 20261121
WORKERS = ("one", "two", "three", "four")
CHANNELS = [f"c{at}" for at in range(24)]
PACKS = 60


@pytest.mark.parametrize("announced", [False, True], ids=["plain", "announced"])
async def test_many_workers_that_meet_the_same_new_channels_give_each_one_position(
    farm_url: str, announced: bool
) -> None:
    farm, chance = Farm(farm_url), random.Random(SEED)
    now_ms = SystemClock().now_ms() // 1000 * 1000
    told = [chance.sample(CHANNELS, chance.randint(1, 8)) for _ in range(PACKS)]
    async with fake_broker() as broker, AsyncExitStack() as stack:
        for name in WORKERS:
            await stack.enter_async_context(running_ingest(farm.url, broker.url, ingest_worker=name, birth_wait_s=0))
        connections = [await broker.connection() for _ in WORKERS]
        for connection in connections:
            if announced:
                connection.deliver(Topic(NODE, Kind.BIRTH).text(), birth("one", [EpochSpan(EPOCH, 1, 2)]), 10_000)
            for seq, names in enumerate(told, start=1):
                values = [seq + CHANNELS.index(name) / 32 for name in names]
                device = f"head-{seq % 3}"
                message = pack(seq, now_ms + seq * 1000, *values, device=device, names=names)
                connection.deliver(SAMPLES, message, seq)
        count = PACKS + announced
        for connection in connections:
            await eventually(
                lambda connection=connection: len(connection.acknowledged) == count,  # type: ignore[misc]
                lambda connection=connection: len(connection.acknowledged),  # type: ignore[misc]
            )
    found = farm.rows(
        "SELECT device, channel, (extract(epoch FROM time) * 1000)::int8, value FROM reading WHERE node = %s", NODE.node
    )
    expected = {
        (f"head-{seq % 3}", name, now_ms + seq * 1000, seq + CHANNELS.index(name) / 32)
        for seq, names in enumerate(told, start=1)
        for name in names
    }
    assert set(found) == expected
    assert len(found) == len(expected)
    assert farm.value("SELECT count(*) - count(DISTINCT (group_id, position)) FROM channel") == 0
    assert farm.value("SELECT count(*) FROM node") == 1
    assert farm.value("SELECT count(*) FROM sample_conflict") == 0
    assert farm.value("SELECT count(*) FROM quarantine") == 0
