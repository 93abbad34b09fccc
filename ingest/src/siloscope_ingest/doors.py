"""Where messages come in and watermarks go out: the MQTT broker, and the JetStream stream of a NATS cluster."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any
from zlib import crc32

from gmqtt.mqtt.constants import MQTTv50

from siloscope_contract.topics import Kind, shared, subscription
from siloscope_ingest import handing_over, stream_url
from siloscope_ingest.client_ids import client_id
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.dialling import MqttDial, StreamDial
from siloscope_ingest.errors import Fatal
from siloscope_ingest.handing_over import HandingOver
from siloscope_ingest.jetstream import JetStreamLine
from siloscope_ingest.line import VERSIONS, Line
from siloscope_ingest.link import Link
from siloscope_ingest.settings import IngestSettings
from siloscope_ingest.stream_plan import StreamPlan
from siloscope_ingest.stream_url import StreamUrl
from siloscope_process.broker_url import BrokerUrl
from siloscope_process.clock import Clock

_MOST_PULLED = 16_384
"""Enough to fill the next batch while one is written, and few enough that a dead worker's share is small."""


class Doors:
    """The links of one worker.

    Args:
        settings: What it was told.
        brokers: Where the broker is, or the servers of a cluster.
        clock: For pauses and arrival times.
        receive: Takes each message.
        changed: Told the name of a link, and None when it stands or why it fell.
        leaving: Whether this worker ends for good: it takes what the broker keeps for it, and nothing new.

    Attributes:
        link: To the MQTT broker.
        stream: To the stream, where samples are pulled from one.
        secret: What the client id follows from; to be set before the links run.
        handing_over: Ends samples over MQTT, where they are pulled from the stream.
    """

    def __init__(
        self,
        settings: IngestSettings,
        brokers: Sequence[BrokerUrl],
        clock: Clock,
        receive: Callable[[Delivery], None],
        changed: Callable[[str, str | None], None],
        *,
        leaving: bool = False,
    ) -> None:
        self.secret = ""
        self._leaving = leaving
        self._settings = settings
        self._login = brokers[0]
        self._clock = clock
        self._receive = receive
        first = crc32(settings.ingest_worker.encode())
        # Sharing needs MQTT 5: a connection that is cut before it is answered is no reason to try the older version.
        version = VERSIONS.get(settings.mqtt_version) or (MQTTv50 if settings.ingest_shared_group else None)
        dial = MqttDial(brokers, self._new_line, self._filters, version, first, self._unwanted())
        self.link = Link(dial, clock, changed=lambda problem: changed("broker", problem), name="broker")
        self.stream: Link[JetStreamLine] | None = None
        self.handing_over: HandingOver | None = None
        if settings.nats_url is not None:
            servers = StreamDial(stream_url.parse(settings.nats_url), self._new_stream_line, first)
            self.stream = Link(servers, clock, changed=lambda problem: changed("stream", problem), name="stream")
            self.handing_over = HandingOver(
                lambda: client_id(settings.ingest_worker, self.secret),
                lambda: self.link.line,
                lambda: self.stream_line,
                clock,
                settle_s=handing_over.SETTLE_S,
                unasked=leaving,
            )

    @property
    def unwanted(self) -> list[str]:
        """The subscriptions that a session of this worker may have and that are ended when it connects."""
        return self._unwanted()

    def is_handed_over(self, line: Line) -> bool:
        """Whether no samples can come over MQTT any more because of an earlier subscription."""
        return self.handing_over is None or self.handing_over.is_done(line)

    @property
    def links(self) -> "list[Link[Line] | Link[JetStreamLine]]":
        """All of them."""
        return [self.link] if self.stream is None else [self.link, self.stream]

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """Return what must run for messages to come in."""
        work = [link.run() for link in self.links]
        return work if self.handing_over is None else [*work, self.handing_over.run()]

    @property
    def stream_line(self) -> JetStreamLine | None:
        """The line to the stream, where one stands."""
        return None if self.stream is None else self.stream.line

    @property
    def is_connected(self) -> bool:
        """Whether the broker is there."""
        return self.link.line is not None and self.link.line.is_open

    @property
    def can_publish(self) -> bool:
        """Whether the broker is there and answers fast enough."""
        return self.link.line is not None and self.link.line.can_publish

    def publish_retained(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1, retained, where the broker is there."""
        if self.link.line is not None:
            self.link.line.publish_retained(topic, payload)

    def pause(self) -> None:
        """Take no more from anywhere."""
        for link in self.links:
            link.pause()

    def resume(self) -> None:
        """Go on."""
        for link in self.links:
            link.resume()

    async def end_session(self, within_s: float) -> None:
        """Have the broker forget this worker, and all that it may still keep for it; no line may stand.

        Raises:
            Transient: It is away.
        """
        version = VERSIONS.get(self._settings.mqtt_version) or (
            VERSIONS["3.1.1"] if self._settings.nats_url else MQTTv50
        )
        line = self._new_line(self._login, lasting=False)
        try:
            await line.open(version, within_s)
        finally:
            await asyncio.shield(line.close())

    def _new_line(self, url: BrokerUrl, *, lasting: bool = True) -> Line:
        most = min(65_535, self._settings.ingest_held_messages)
        name = client_id(self._settings.ingest_worker, self.secret)
        receive = self._receive if self.handing_over is None else self._receive_beside_stream
        return Line(url, name, receive, self._clock.now_ms, most, lasting=lasting)

    def _receive_beside_stream(self, delivery: Delivery) -> None:
        assert self.handing_over is not None
        self.handing_over.saw(delivery)
        self._receive(delivery)

    def _new_stream_line(self, url: StreamUrl) -> JetStreamLine:
        login, settings = self._login, self._settings
        plan = StreamPlan(settings.nats_replicas, settings.nats_stream_mib * 2**20)
        most = 0 if self._leaving else min(_MOST_PULLED, settings.ingest_held_messages)
        return JetStreamLine(url, login.username, login.password, plan, self._receive, self._clock, most)

    def _filters(self, version: int) -> Sequence[tuple[str, int]]:
        """Return what to subscribe to.

        Births and statuses go to every worker: they are retained, and a shared subscription is told nothing retained.
        """
        group = self._settings.ingest_shared_group
        samples, heartbeats = subscription(Kind.SAMPLES), subscription(Kind.HEARTBEAT)
        if group is not None:
            if version != MQTTv50:
                raise Fatal("SILOSCOPE_INGEST_SHARED_GROUP needs a broker that speaks MQTT 5")
            samples, heartbeats = shared(group, samples), shared(group, heartbeats)
        filters = [(subscription(Kind.BIRTH), 1), (subscription(Kind.STATUS), 1), (heartbeats, 0)]
        if self._leaving:
            return filters[:1]
        return filters if self._settings.nats_url is not None else [(samples, 1), *filters]

    def _unwanted(self) -> list[str]:
        """Return the subscriptions that this worker had when it was not told to share, or all when it leaves.

        Mosquitto keeps what waits for a subscription that ends. NATS does not: there, samples are handed over.
        """
        group = self._settings.ingest_shared_group
        own = [subscription(Kind.SAMPLES), subscription(Kind.HEARTBEAT)]
        if self._settings.nats_url is not None:
            return own[1:] if self._leaving else []
        if self._leaving:
            return own if group is None else [*own, *(shared(group, each) for each in own)]
        return own if group is not None else []
