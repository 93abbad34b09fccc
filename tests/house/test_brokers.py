"""The brokers that every other test stands on: who gets in, what each may say, and that a restart keeps the port."""

import asyncio
import contextlib
from urllib.parse import urlsplit

import aiomqtt
import pytest

from siloscope_contract.topics import Kind, Topic, subscription
from siloscope_gateway.principals import Principal
from tests.brokers import FOREIGN_NODE, NODE, TestBroker

ARRIVES_WITHIN_S = 5


def client(url: str) -> aiomqtt.Client:
    parts = urlsplit(url)
    return aiomqtt.Client(parts.hostname or "", parts.port or 0, username=parts.username, password=parts.password)


async def test_nobody_enters_without_a_password(broker: TestBroker) -> None:
    with pytest.raises(aiomqtt.MqttError):
        async with client(broker.url):
            pytest.fail("anonymous entered")


async def test_a_node_speaks_under_its_own_name_alone(broker: TestBroker) -> None:
    topic = Topic(NODE, Kind.SAMPLES).text()
    async with client(broker.ingest_url) as ingest:
        await ingest.subscribe(subscription(Kind.SAMPLES), qos=1)
        with contextlib.suppress(aiomqtt.MqttError):  # a broker may drop it, or the connection with it
            async with client(broker.node_url(FOREIGN_NODE)) as foreign:
                await foreign.publish(topic, b"foreign", qos=1)
        async with client(broker.node_url()) as own:
            await own.publish(topic, b"own", qos=1)
        first = await asyncio.wait_for(anext(aiter(ingest.messages)), ARRIVES_WITHIN_S)
    assert (str(first.topic), first.payload) == (topic, b"own")


async def test_a_restart_keeps_the_port_and_who_may_enter(broker: TestBroker) -> None:
    url, port = broker.node_url(), broker.port
    broker.kill()
    broker.start()
    assert broker.port == port
    async with client(url):
        pass


async def test_somebody_new_is_admitted_while_it_runs(broker: TestBroker) -> None:
    url = broker.url_for(Principal.of_site("demo", "market-hall"))
    async with asyncio.timeout(ARRIVES_WITHIN_S):
        while not await enters(url):  # a broker reads its configuration again in its own time
            await asyncio.sleep(0.02)


async def enters(url: str) -> bool:
    try:
        async with client(url):
            return True
    except aiomqtt.MqttError:
        return False
