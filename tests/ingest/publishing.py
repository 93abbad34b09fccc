"""Publishing as devices do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiomqtt

from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_process import broker_url


@asynccontextmanager
async def connected(url: str, client_id: str | None = None) -> AsyncIterator[aiomqtt.Client]:
    """Connect a device."""
    broker = broker_url.parse(url)
    async with aiomqtt.Client(
        broker.host, broker.port, username=broker.username, password=broker.password, identifier=client_id
    ) as client:
        yield client


async def publish(client: aiomqtt.Client, node: NodeName, kind: Kind, payload: bytes, *, retain: bool = False) -> None:
    """Publish one message at QoS 1 and wait for the broker's answer."""
    await client.publish(Topic(node, kind).text(), payload, qos=1, retain=retain)
