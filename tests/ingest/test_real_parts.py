"""Ingest with a real broker and a real database."""

from typing import Any

import pytest

from siloscope_contract.topics import Kind
from siloscope_ingest.service import Ingest
from siloscope_process.clock import SystemClock
from tests.brokers import NODE, TestBroker
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.messages import pack
from tests.ingest.publishing import connected, publish
from tests.ingest.waiting import eventually


async def test_a_numbered_pack_is_stored_and_accounted_for(broker: TestBroker, farm_url: str) -> None:
    farm = Farm(farm_url)
    now_ms = SystemClock().now_ms()
    async with running_ingest(farm_url, broker.ingest_url), connected(broker.node_url()) as device:
        await publish(device, NODE, Kind.SAMPLES, pack(1, now_ms, 11.5, 12.5))
        await publish(device, NODE, Kind.SAMPLES, pack(2, now_ms + 1000, 11.6, 12.6))
        await farm.until("SELECT count(*) FROM sample", 2)
    assert farm.rows("SELECT channel, value, reason FROM latest_reading ORDER BY 1") == [
        ("t1", 11.6, "good"),
        ("t2", 12.6, "good"),
    ]
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,3)}"


@pytest.mark.mosquitto
@pytest.mark.postgres
async def test_workers_of_a_group_share_the_samples(mosquitto_broker: TestBroker, postgres_farm_url: str) -> None:
    farm = Farm(postgres_farm_url)
    now_ms = SystemClock().now_ms()
    shared: dict[str, Any] = {"ingest_shared_group": "workers"}
    async with (
        running_ingest(farm.url, mosquitto_broker.ingest_url, ingest_worker="one", **shared) as one,
        running_ingest(farm.url, mosquitto_broker.ingest_url, ingest_worker="two", **shared) as two,
        connected(mosquitto_broker.node_url()) as device,
    ):
        for seq in range(1, 101):
            await publish(device, NODE, Kind.SAMPLES, pack(seq, now_ms + seq * 1000, 1.0))
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,101)}")
        await eventually(lambda: messages(one) + messages(two) >= 100, lambda: (messages(one), messages(two)))
    assert messages(one) + messages(two) == 100
    assert min(messages(one), messages(two)) > 0
    assert farm.value("SELECT count(*) FROM sample") == 100


def messages(ingest: Ingest) -> float:
    """How many messages a worker has settled."""
    return float(ingest.service.metrics.messages._value.get())
