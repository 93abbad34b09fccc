"""A sample is late by when it came to us, not by when the database took it."""

import asyncio

import psycopg
import pytest

from siloscope_contract.topics import Kind, Topic
from siloscope_ingest.accumulator import ARRIVED_WITHIN_MS, Accumulator, CommittedState
from siloscope_process.clock import SystemClock
from tests.ingest.conftest import Farm
from tests.ingest.messages import NODE, birth, pack
from tests.ingest.test_batches import BASE_MS, entry
from tests.ingest.unplugged import unplugged


@pytest.mark.postgres
async def test_what_waited_for_the_database_is_not_late_for_it(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), SystemClock().now_ms() // 60_000 * 60_000
    async with unplugged(postgres_farm_url) as worker:
        worker.send(birth("s1"), at_ms - 3_600_000, Topic(NODE, Kind.BIRTH).text())
        worker.send(pack(1, at_ms - 3_600_000, 20.0), at_ms - 3_600_000)
        await worker.settled()
        with psycopg.connect(postgres_farm_url) as locked:
            locked.execute("LOCK TABLE node_epoch")
            for minute in range(1, 31):  # one a minute comes in time, while nothing can be committed
                came_ms = at_ms - 3_600_000 + minute * 60_000
                worker.send(pack(1 + minute, came_ms - 1_000, 20.0), came_ms)
            worker.send(pack(32, at_ms - 3_500_000, 20.0), at_ms - 1_800_000)  # and one is half an hour late
            await asyncio.sleep(0)
            locked.rollback()
        await worker.settled()
    assert farm.value("SELECT count(*) FROM sample") == 32
    assert farm.value("SELECT sum(samples) FROM sample_late") == 1


def test_a_batch_is_of_one_time_whichever_way_that_goes() -> None:
    accumulator = Accumulator(CommittedState(), 1_000, 1_000_000)
    for seq, came_ms in enumerate((0, 4_999, ARRIVED_WITHIN_MS, ARRIVED_WITHIN_MS + 1, 95_000, 94_999), start=1):
        found = entry((1, seq, {0: 1.0}), seq=seq)
        found.delivery.received_ms = BASE_MS + came_ms
        accumulator.add(found)
    sizes = []
    while accumulator.waiting:
        sizes.append(len(accumulator.take()))
    assert sizes == [2, 2, 1, 1]
