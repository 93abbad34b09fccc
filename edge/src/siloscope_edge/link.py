"""The MQTT connection, through aiomqtt. Every connection is a new client: nothing of an old one can answer on it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple

import aiomqtt
from aiomqtt import ProtocolVersion

from siloscope_edge import tls
from siloscope_edge.config import Mqtt
from siloscope_edge.errors import LinkLost, SubscriptionRefused
from siloscope_edge.ports import Link

ACKNOWLEDGE_TIMEOUT_S = 20.0
WATERMARKS_QOS = 0
"""A later watermark says all that a lost one said. For a subscription at QoS 1 a NATS cluster keeps a replicated
consumer, and where that gets stuck the node hears nothing any more, on a connection that looks well."""
_CLOSE_TIMEOUT_S = 1.0
_REFUSED_FROM = 128
_CONNECT_TIMEOUT_S = 3.0
_UNSUPPORTED_VERSION = 132
_VERSIONS = {
    "auto": (ProtocolVersion.V5, ProtocolVersion.V311),
    "v5": (ProtocolVersion.V5,),
    "v311": (ProtocolVersion.V311,),
}


class LastWill(NamedTuple):
    """What the broker publishes, retained, when this connection breaks."""

    topic: str
    payload: bytes


class MqttLink:
    """One connection to the broker."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool = False) -> None:
        try:
            await self._client.publish(topic, payload, qos=qos, retain=retain)
        except (aiomqtt.MqttError, ValueError, RuntimeError) as error:
            raise LinkLost(f"publishing: {error}") from error

    async def subscribe(self, topic: str, *, qos: int) -> None:
        try:
            granted = await self._client.subscribe(topic, qos=qos)
        except (aiomqtt.MqttError, ValueError, RuntimeError) as error:
            raise LinkLost(f"subscribing: {error}") from error
        if any(getattr(each, "value", each) >= _REFUSED_FROM for each in granted):
            raise SubscriptionRefused(f"the broker refuses the subscription to {topic}")

    async def received(self) -> tuple[str, bytes]:
        try:
            message = await anext(self._client.messages)
        except aiomqtt.MqttError as error:
            raise LinkLost(str(error)) from error
        payload = message.payload
        return str(message.topic), payload if isinstance(payload, bytes) else b""


Connect = Callable[[LastWill], AbstractAsyncContextManager[Link]]


def connector(mqtt: Mqtt, password: str | None, client_id: str) -> Connect:
    """Return what makes connections to the configured broker.

    A broker that refuses MQTT 5 is asked for 3.1.1 at once, and from then on.
    """
    refused: set[ProtocolVersion] = set()

    async def entered(will: LastWill) -> aiomqtt.Client:
        *better, least = [each for each in _VERSIONS[mqtt.version] if each not in refused]
        for version in better:
            try:
                return await _entered(_client(mqtt, password, client_id, will, version))
            except aiomqtt.MqttCodeError as error:
                if getattr(error.rc, "value", None) != _UNSUPPORTED_VERSION:
                    raise
                refused.add(version)
        return await _entered(_client(mqtt, password, client_id, will, least))

    @asynccontextmanager
    async def connect(will: LastWill) -> AsyncIterator[MqttLink]:
        try:
            async with asyncio.timeout(2 * _CONNECT_TIMEOUT_S):
                client = await entered(will)
        except (aiomqtt.MqttError, OSError, TimeoutError, ValueError) as error:
            raise LinkLost(f"{mqtt.host}:{mqtt.port}: {error or 'no answer'}") from error
        try:
            yield MqttLink(client)
        except aiomqtt.MqttError as error:
            raise LinkLost(str(error)) from error
        finally:
            await _close(client)

    return connect


def _client(
    mqtt: Mqtt, password: str | None, client_id: str, will: LastWill, version: ProtocolVersion
) -> aiomqtt.Client:
    client = aiomqtt.Client(
        mqtt.host,
        mqtt.port,
        username=mqtt.username,
        password=password,
        identifier=client_id,
        protocol=version,
        clean_session=True if version is ProtocolVersion.V311 else None,
        keepalive=mqtt.keepalive_s,
        timeout=ACKNOWLEDGE_TIMEOUT_S,
        max_inflight_messages=mqtt.unacknowledged_packs + 16,
        will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=True),
        tls_context=tls.context(mqtt.tls) if mqtt.tls is not None else None,
    )
    client.pending_calls_threshold = mqtt.unacknowledged_packs + 16  # below it, many at once are as meant
    client._client.connect_timeout = _CONNECT_TIMEOUT_S  # aiomqtt has no setting for it; a stop must not wait 5 s
    return client


async def _entered(client: aiomqtt.Client) -> aiomqtt.Client:
    await client.__aenter__()
    return client


async def _close(client: aiomqtt.Client) -> None:
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await client.__aexit__(None, None, None)
    except (aiomqtt.MqttError, TimeoutError, OSError):
        pass  # it is gone either way
