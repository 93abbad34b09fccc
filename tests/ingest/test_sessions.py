"""The sessions that workers have with a real broker."""

import asyncio
from contextlib import suppress
from typing import Any

import aiomqtt
import psycopg
import pytest
from structlog.testing import capture_logs

from siloscope_contract import streams
from siloscope_contract.topics import Kind
from siloscope_ingest import handing_over, jetstream
from siloscope_ingest.client_ids import client_id
from siloscope_ingest.hand_over import Kept
from siloscope_ingest.service import Ingest
from siloscope_ingest.session_store import SessionStore
from tests.brokers import NODE, TestBroker
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.messages import pack
from tests.ingest.publishing import connected, publish
from tests.ingest.waiting import eventually

pytestmark = pytest.mark.postgres


async def test_who_knows_the_name_of_a_worker_cannot_push_its_session_off(
    broker: TestBroker, farm: Farm, now_ms: int
) -> None:
    async with running_ingest(farm.url, broker.ingest_url, ingest_worker="main") as ingest:
        line = ingest.service.doors.link.line
        assert line is not None
        for guess in ("siloscope-ingest-main", client_id("main", ""), client_id("main", broker.ingest_url)):
            with suppress(aiomqtt.MqttError):
                async with connected(broker.node_url(), guess) as device:
                    await publish(device, NODE, Kind.SAMPLES, pack(1, now_ms, 1.0))
        await farm.until("SELECT count(*) FROM sample", 1)
        assert line.is_open
        secret = farm.value("SELECT session_secret::text FROM store_identity")
        async with connected(broker.node_url(), client_id("main", secret)):
            await asyncio.wait_for(line.lost(), 10)  # the guesses failed for not knowing it, and for nothing else


@pytest.mark.mosquitto
async def test_a_worker_that_begins_to_share_takes_nothing_twice(
    mosquitto_broker: TestBroker, farm: Farm, now_ms: int
) -> None:
    url = mosquitto_broker.ingest_url
    async with running_ingest(farm.url, url, ingest_worker="one"):
        pass
    async with (
        running_ingest(farm.url, url, ingest_worker="one", ingest_shared_group="all") as one,
        running_ingest(farm.url, url, ingest_worker="two", ingest_shared_group="all") as two,
    ):
        async with connected(mosquitto_broker.node_url()) as device:
            for seq in range(1, 101):
                await publish(device, NODE, Kind.SAMPLES, pack(seq, now_ms + seq * 1000, 1.0))
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,101)}")
        taken = [
            one.service.held.messages + one.service.held.released,
            two.service.held.messages + two.service.held.released,
        ]
    assert sum(taken) == 100
    assert min(taken) >= 40


@pytest.mark.mosquitto
async def test_what_a_dead_worker_had_not_acknowledged_comes_again_to_it(
    mosquitto_broker: TestBroker, farm: Farm, now_ms: int
) -> None:
    """Mosquitto keeps a share for the session that it was dealt to; nobody sends it again here."""
    url = mosquitto_broker.ingest_url
    told: dict[str, Any] = {"ingest_shared_group": "all"}
    async with running_ingest(farm.url, url, ingest_worker="one", **told):
        async with running_ingest(farm.url, url, ingest_worker="two", **told) as two:
            line = two.service.doors.link.line
            assert line is not None
            line._drop()
            two.service.doors.link.pause()
        async with connected(mosquitto_broker.node_url()) as device:
            for seq in range(1, 41):
                await publish(device, NODE, Kind.SAMPLES, pack(seq, now_ms + seq * 1000, 1.0))
        await farm.until("SELECT count(*) >= 20 FROM sample", True)
        assert farm.value("SELECT count(*) FROM sample") < 40
        async with running_ingest(farm.url, url, ingest_worker="two", **told):
            await farm.until("SELECT accounted::text FROM node_epoch", "{[1,41)}")


@pytest.mark.nats
async def test_a_worker_that_begins_to_pull_takes_nothing_twice_after_the_hand_over(
    nats_broker: TestBroker, farm: Farm, now_ms: int, pulling: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_over, "SETTLE_S", 0.2)
    async with running_ingest(farm.url, nats_broker.ingest_url):
        pass
    async with running_ingest(farm.url, nats_broker.ingest_url, **pulling) as ingest:
        async with connected(nats_broker.node_url()) as device:
            await publish(device, NODE, Kind.SAMPLES, pack(1, now_ms, 1.0))  # tells that there is something to end
            await eventually(lambda: is_handed_over(ingest), lambda: "samples over MQTT")
            before = ingest.service.held.messages + ingest.service.held.released
            for seq in range(2, 102):
                await publish(device, NODE, Kind.SAMPLES, pack(seq, now_ms + seq * 1000, 1.0))
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,102)}")
        assert ingest.service.held.messages + ingest.service.held.released == before + 100


@pytest.mark.nats
async def test_what_waited_for_a_worker_that_begins_to_pull_is_not_lost(
    nats_broker: TestBroker, farm: Farm, now_ms: int, pulling: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain device does not send again; NATS forgets what waits for a subscription when that ends."""
    monkeypatch.setattr(handing_over, "SETTLE_S", 0.2)
    async with running_ingest(farm.url, nats_broker.ingest_url):
        pass
    await send(nats_broker, range(1, 3001), now_ms)
    async with running_ingest(farm.url, nats_broker.ingest_url, **pulling) as ingest:
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,3001)}")
        await eventually(lambda: is_handed_over(ingest), lambda: "samples over MQTT")
        await send(nats_broker, range(3001, 3101), now_ms)
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,3101)}")


@pytest.mark.nats
async def test_what_is_delivered_and_not_committed_holds_up_the_hand_over(
    nats_broker: TestBroker, farm: Farm, now_ms: int, pulling: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_over, "SETTLE_S", 0.2)
    async with running_ingest(farm.url, nats_broker.ingest_url):
        pass
    await send(nats_broker, range(1, 101), now_ms)
    with psycopg.connect(farm.url) as locked:
        locked.execute("LOCK TABLE node_epoch IN EXCLUSIVE MODE")
        async with running_ingest(farm.url, nats_broker.ingest_url, **pulling) as ingest:
            looked = spied(monkeypatch)
            await eventually(lambda: len(looked) > 5, lambda: looked)
            assert not is_handed_over(ingest)
            assert max(each.unacknowledged for each in looked) == 100
            locked.rollback()
            await eventually(lambda: is_handed_over(ingest), lambda: "samples over MQTT")
            assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,101)}"


@pytest.mark.nats
async def test_a_worker_that_may_not_ask_keeps_its_subscription(
    nats_broker: TestBroker, farm: Farm, now_ms: int, pulling: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The servers' configuration is older than the question."""
    monkeypatch.setattr(handing_over, "SETTLE_S", 0.2)
    monkeypatch.setattr(streams, "MQTT_CONSUMER_NAMES", "$JS.API.CONSUMER.NAMES.OTHER")
    monkeypatch.setattr(jetstream, "_ASK_WITHIN_S", 0.2)
    async with running_ingest(farm.url, nats_broker.ingest_url):
        pass
    await send(nats_broker, range(1, 101), now_ms)
    with capture_logs() as logs:
        async with running_ingest(farm.url, nats_broker.ingest_url, **pulling) as ingest:
            await farm.until("SELECT accounted::text FROM node_epoch", "{[1,101)}")
            await eventually(lambda: any(each["event"] == "samples_come_twice" for each in logs), lambda: logs)
            assert not is_handed_over(ingest)


async def send(broker: TestBroker, numbers: range, now_ms: int) -> None:
    async with connected(broker.node_url()) as device:
        device.pending_calls_threshold = 200
        for first in numbers[::100]:
            packs = [pack(seq, now_ms - seq * 1000, 1.0) for seq in range(first, min(first + 100, numbers.stop))]
            await asyncio.gather(*(publish(device, NODE, Kind.SAMPLES, each) for each in packs))


def is_handed_over(ingest: Ingest) -> bool:
    line = ingest.service.doors.link.line
    return line is not None and ingest.service.doors.is_handed_over(line)


def spied(monkeypatch: pytest.MonkeyPatch) -> list[Kept]:
    """Return a list that gets whatever the broker says that it keeps."""
    looked: list[Kept] = []
    ask = SessionStore.kept

    async def kept(store: SessionStore, name: str) -> Kept | None:
        found = await ask(store, name)
        if found is not None:
            looked.append(found)
        return found

    monkeypatch.setattr(SessionStore, "kept", kept)
    return looked
