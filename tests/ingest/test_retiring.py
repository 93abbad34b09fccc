"""A worker that does not come back: what the broker kept for it is committed, and it is dealt nothing any more."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from siloscope_contract.topics import Kind
from siloscope_ingest import handing_over
from siloscope_ingest.errors import Fatal, Transient
from siloscope_ingest.metrics import Metrics
from siloscope_ingest.retiring import retire
from siloscope_ingest.settings import IngestSettings
from siloscope_process import broker_url
from siloscope_process.clock import SystemClock
from tests.brokers import NODE, TestBroker
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.messages import pack
from tests.ingest.publishing import connected, publish

pytestmark = [pytest.mark.postgres, pytest.mark.mosquitto]
SHARED: dict[str, Any] = {"ingest_shared_group": "all"}


async def retired(farm: Farm, url: str, worker: str, stop: asyncio.Event | None = None) -> None:
    settings = IngestSettings(database_url=farm.url, mqtt_url=url, ingest_worker=worker, **SHARED)
    metrics = Metrics(CollectorRegistry())
    await retire(settings, broker_url.parse_all(url), SystemClock(), metrics, stop or asyncio.Event())


async def send(broker: TestBroker, now_ms: int, numbers: range) -> None:
    async with connected(broker.node_url()) as device:
        for seq in numbers:
            await publish(device, NODE, Kind.SAMPLES, pack(seq, now_ms + seq * 1000, 1.0))


async def test_what_waits_for_a_worker_is_committed_and_nothing_is_dealt_to_it_again(
    mosquitto_broker: TestBroker, farm: Farm, now_ms: int
) -> None:
    url = mosquitto_broker.ingest_url
    async with running_ingest(farm.url, url, ingest_worker="one", **SHARED):
        async with running_ingest(farm.url, url, ingest_worker="two", **SHARED):
            pass
        await send(mosquitto_broker, now_ms, range(1, 801))
        await farm.until("SELECT count(*) >= 400 FROM sample", True)
        assert farm.value("SELECT count(*) FROM sample") == 400
        await retired(farm, url, "two")
        assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,801)}"
        await send(mosquitto_broker, now_ms, range(801, 841))
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,841)}")


async def test_nothing_is_dealt_to_it_while_it_is_retired(
    mosquitto_broker: TestBroker, farm: Farm, now_ms: int
) -> None:
    """The farm is busy meanwhile: each message goes to the one that stays, or is committed before the session ends."""
    url = mosquitto_broker.ingest_url
    async with running_ingest(farm.url, url, ingest_worker="one", **SHARED):
        async with running_ingest(farm.url, url, ingest_worker="two", **SHARED):
            pass
        await send(mosquitto_broker, now_ms, range(1, 101))
        await asyncio.gather(send(mosquitto_broker, now_ms, range(101, 1001)), retired(farm, url, "two"))
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,1001)}")


async def test_a_name_that_the_broker_does_not_know_is_refused(mosquitto_broker: TestBroker, farm: Farm) -> None:
    with pytest.raises(Fatal, match="no session of worker tow"):
        await retired(farm, mosquitto_broker.ingest_url, "tow")
    with pytest.raises(Fatal, match="no session of worker tow"):  # and the question left none behind
        await retired(farm, mosquitto_broker.ingest_url, "tow")


async def test_a_worker_that_runs_is_not_retired(mosquitto_broker: TestBroker, farm: Farm, now_ms: int) -> None:
    url = mosquitto_broker.ingest_url
    async with running_ingest(farm.url, url, ingest_worker="one", **SHARED):
        with pytest.raises(Fatal, match="worker one runs"):
            await retired(farm, url, "one")
        await send(mosquitto_broker, now_ms, range(1, 41))
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,41)}")


async def test_one_that_is_told_to_stop_leaves_the_session(
    mosquitto_broker: TestBroker, farm: Farm, now_ms: int
) -> None:
    url = mosquitto_broker.ingest_url
    async with running_ingest(farm.url, url, ingest_worker="one", **SHARED):
        pass
    await send(mosquitto_broker, now_ms, range(1, 41))
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(Transient, match="is not retired"):
        await retired(farm, url, "one", stop)
    await retired(farm, url, "one")
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,41)}"


@pytest.mark.nats
async def test_nats_forgets_a_worker_that_pulled(
    nats_broker: TestBroker, farm: Farm, now_ms: int, pulling: dict[str, Any]
) -> None:
    """Its session would keep every birth for ever."""
    url = nats_broker.ingest_url
    async with running_ingest(farm.url, url, ingest_worker="one", **pulling):
        pass
    settings = IngestSettings(database_url=farm.url, mqtt_url=url, ingest_worker="one", **pulling)
    brokers, clock = broker_url.parse_all(url), SystemClock()
    await retire(settings, brokers, clock, Metrics(CollectorRegistry()), asyncio.Event())
    with pytest.raises(Fatal, match="no session of worker one"):
        await retire(settings, brokers, clock, Metrics(CollectorRegistry()), asyncio.Event())


@pytest.mark.nats
async def test_what_waits_on_nats_since_before_it_pulled_is_committed(
    nats_broker: TestBroker, farm: Farm, now_ms: int, pulling: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told to pull and never came up again."""
    monkeypatch.setattr(handing_over, "SETTLE_S", 0.2)
    url = nats_broker.ingest_url
    async with running_ingest(farm.url, url, ingest_worker="one"):
        pass
    await send(nats_broker, now_ms, range(1, 301))
    settings = IngestSettings(database_url=farm.url, mqtt_url=url, ingest_worker="one", **pulling)
    await retire(settings, broker_url.parse_all(url), SystemClock(), Metrics(CollectorRegistry()), asyncio.Event())
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,301)}"
