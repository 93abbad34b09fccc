"""Samples pulled from a JetStream stream, by one worker or several, on a real NATS server."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import psycopg
import pytest
from nats.aio.client import Client
from nats.errors import Error

from siloscope_contract.topics import Kind
from siloscope_deploy.servers.nats import NatsServer
from siloscope_gateway.principals import Principal
from siloscope_ingest.jetstream import JetStreamLine
from siloscope_ingest.service import Ingest
from tests.brokers import NODE, TestBroker
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.messages import pack
from tests.ingest.publishing import connected, publish
from tests.ingest.waiting import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.nats]


@pytest.fixture
def stream_url(nats_broker: TestBroker) -> str:
    assert isinstance(nats_broker.server, NatsServer)
    return nats_broker.server.client_url


async def publish_all(broker: TestBroker, first: int, last: int, now_ms: int) -> None:
    async with connected(broker.node_url()) as device:
        device.pending_calls_threshold = 1000
        await asyncio.gather(
            *(
                publish(device, NODE, Kind.SAMPLES, pack(seq, now_ms + seq * 1000, seq / 10))
                for seq in range(first, last + 1)
            )
        )


def line_of(ingest: Ingest) -> JetStreamLine:
    stream = ingest.service.doors.stream
    assert stream is not None
    assert stream.line is not None
    return stream.line


def committed(ingest: Ingest) -> int:
    return int(ingest.service.metrics.messages._value.get())


def waiting(ingest: Ingest) -> int:
    return line_of(ingest).backlog


async def test_what_came_while_nobody_pulled_is_committed_and_leaves_the_stream(
    nats_broker: TestBroker, stream_url: str, farm: Farm, now_ms: int
) -> None:
    told: dict[str, Any] = {"nats_url": stream_url, "nats_replicas": 1}
    async with running_ingest(farm.url, nats_broker.ingest_url, **told):
        await publish_all(nats_broker, 1, 100, now_ms)
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,101)}")
    await publish_all(nats_broker, 101, 300, now_ms)
    async with running_ingest(farm.url, nats_broker.ingest_url, **told) as ingest:
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,301)}")
        line = line_of(ingest)
        await line.measure()
        assert line.backlog == 0
    async with running_ingest(farm.url, nats_broker.ingest_url, **told) as ingest:
        await line_of(ingest).measure()
        assert waiting(ingest) == 0
    assert farm.value("SELECT count(*) FROM sample") == 300


async def test_workers_share_what_comes_and_each_takes_its_part(
    nats_broker: TestBroker, stream_url: str, farm: Farm, now_ms: int
) -> None:
    async with AsyncExitStack() as stack:
        workers = [
            await stack.enter_async_context(
                running_ingest(
                    farm.url, nats_broker.ingest_url, nats_url=stream_url, nats_replicas=1, ingest_worker=name
                )
            )
            for name in ("one", "two", "three")
        ]
        await publish_all(nats_broker, 1, 600, now_ms)
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,601)}")
        await eventually(lambda: sum(map(committed, workers)) == 600, lambda: [*map(committed, workers)])
        assert min(map(committed, workers)) > 100
    assert farm.value("SELECT count(*) FROM sample") == 600
    assert farm.value("SELECT count(*) FROM sample_conflict") == 0


async def test_a_worker_that_is_full_leaves_the_rest_in_the_stream(
    nats_broker: TestBroker, stream_url: str, farm: Farm, now_ms: int
) -> None:
    told: dict[str, Any] = {"nats_url": stream_url, "nats_replicas": 1, "ingest_held_messages": 50}
    async with running_ingest(farm.url, nats_broker.ingest_url, **told) as ingest:
        await publish_all(nats_broker, 1, 1, now_ms)
        await farm.until("SELECT count(*) FROM sample", 1)
        async with await psycopg.AsyncConnection.connect(farm.url) as lock:
            await lock.execute("LOCK TABLE sample IN ACCESS EXCLUSIVE MODE")
            await publish_all(nats_broker, 2, 301, now_ms)
            await eventually(lambda: ingest.service.held.is_full, partial(waiting, ingest))
            await line_of(ingest).measure()
            assert ingest.service.held.messages <= 50
            assert waiting(ingest) >= 250
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,302)}")
    assert farm.value("SELECT count(*) FROM sample") == 301


async def test_a_worker_that_ends_hands_back_what_it_could_not_commit(
    nats_broker: TestBroker, stream_url: str, farm: Farm, now_ms: int
) -> None:
    told: dict[str, Any] = {"nats_url": stream_url, "nats_replicas": 1}
    async with running_ingest(farm.url, nats_broker.ingest_url, ingest_worker="one", **told) as first:
        await publish_all(nats_broker, 1, 1, now_ms)
        await farm.until("SELECT count(*) FROM sample", 1)
        async with await psycopg.AsyncConnection.connect(farm.url) as lock:
            await lock.execute("LOCK TABLE sample IN ACCESS EXCLUSIVE MODE")
            await publish_all(nats_broker, 2, 40, now_ms)
            await eventually(lambda: first.service.held.messages == 39, lambda: first.service.held.messages)
            line = line_of(first)
            async with running_ingest(farm.url, nats_broker.ingest_url, ingest_worker="two", **told) as second:
                await line.close()
                await eventually(lambda: second.service.held.messages > 0, lambda: second.service.held.messages)
                await lock.rollback()
                await farm.until("SELECT accounted::text FROM node_epoch", "{[1,41)}")
    assert farm.value("SELECT count(*) FROM sample") == 40
    assert farm.value("SELECT count(*) FROM sample_conflict") == 0


async def test_the_stream_is_found_again_when_its_server_was_killed(
    nats_broker: TestBroker, stream_url: str, farm: Farm, now_ms: int
) -> None:
    async with running_ingest(farm.url, nats_broker.ingest_url, nats_url=stream_url, nats_replicas=1) as ingest:
        await publish_all(nats_broker, 1, 10, now_ms)
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,11)}")
        before = line_of(ingest)
        nats_broker.kill()
        await eventually(lambda: not before.is_open, lambda: before.is_open)
        nats_broker.start()
        stream = ingest.service.doors.stream
        assert stream is not None
        await eventually(lambda: stream.line is not None and stream.line is not before, lambda: stream.line)
        await publish_all(nats_broker, 11, 20, now_ms)
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,21)}")
    assert farm.value("SELECT count(*) FROM sample") == 20


async def test_nobody_but_ingest_pulls(nats_broker: TestBroker, stream_url: str, farm: Farm) -> None:
    async def quiet(_: Exception) -> None:
        return

    for principal in (Principal.of_node(NODE), Principal.monitor()):
        credential = nats_broker.credential(principal)
        client = Client()
        with pytest.raises(Error):
            await client.connect(
                [stream_url],
                user=credential.username,
                password=credential.password,
                allow_reconnect=False,
                error_cb=quiet,
            )
        await client.close()
