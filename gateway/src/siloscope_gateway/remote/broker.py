"""The gateway's connection to the broker, through aiomqtt. Nothing is owed over it that the database does not know."""

import secrets
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiomqtt

from siloscope_contract.topics import Kind, subscription
from siloscope_gateway.errors import BrokerAway
from siloscope_process.broker_url import BrokerUrl

HEARD = (Kind.CONFIG_STATE, Kind.COMMAND_RESULT)
_ACKNOWLEDGED_WITHIN_S = 20.0
_REFUSED_FROM = 128


class BrokerLink:
    """One connection."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Publish with QoS 1, and return when the broker has acknowledged it.

        Raises:
            BrokerAway: It did not.
        """
        try:
            await self._client.publish(topic, payload, qos=1, retain=retain)
        except (aiomqtt.MqttError, ValueError) as error:
            raise BrokerAway(f"publishing: {error}") from error

    async def heard(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield what nodes say; what they said last comes first, since the broker retains it.

        Raises:
            BrokerAway: The connection broke.
        """
        try:
            async for message in self._client.messages:
                yield str(message.topic), message.payload if isinstance(message.payload, bytes) else b""
        except aiomqtt.MqttError as error:
            raise BrokerAway(str(error)) from error


@asynccontextmanager
async def connected(servers: Sequence[BrokerUrl], attempt: int) -> AsyncIterator[BrokerLink]:
    """Connect to one of a broker's servers, another one at each attempt, and hear nodes.

    Raises:
        BrokerAway: It cannot be connected to.
    """
    server = servers[attempt % len(servers)]
    client = aiomqtt.Client(
        server.host,
        server.port,
        username=server.username,
        password=server.password,
        identifier=f"silo-gw-{secrets.token_hex(7)}",
        protocol=aiomqtt.ProtocolVersion.V311,
        clean_session=True,
        timeout=_ACKNOWLEDGED_WITHIN_S,
        tls_context=ssl.create_default_context() if server.tls else None,
    )
    try:
        async with client:
            for kind in HEARD:
                granted = await client.subscribe(subscription(kind), qos=1)
                if any(getattr(each, "value", each) >= _REFUSED_FROM for each in granted):
                    raise BrokerAway(f"{server} refuses the subscription to {subscription(kind)}")
            yield BrokerLink(client)
    except (aiomqtt.MqttError, OSError) as error:
        raise BrokerAway(f"{server}: {error}") from error
