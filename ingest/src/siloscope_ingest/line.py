"""One connection to the broker, with gmqtt. It dies with its socket, and what came on it can then not be acknowledged.

gmqtt 0.8 reconnects by itself with the same client object and answers a message on whatever connection is then open;
packet ids begin anew there, so it would acknowledge another message than was stored. Here a client object serves one
socket: it may not reconnect, and every message holds on to the line that it came on.
"""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import gmqtt
from gmqtt.mqtt.connection import MQTTConnection
from gmqtt.mqtt.constants import MQTTCommands, MQTTv50, MQTTv311
from gmqtt.mqtt.handler import MQTTConnectError
from gmqtt.mqtt.package import Package

from siloscope_ingest import frames
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.errors import Fatal, IngestError, Transient
from siloscope_process.broker_url import BrokerUrl

_NEVER_RECONNECT = -2  # -1 is gmqtt's word for unlimited, and 0 still reconnects once
_REFUSED_PROTOCOL = (1, 132)
_REFUSED_CREDENTIALS = (4, 5, 134, 135)
_PUBACK = b"\x40\x02"
_SESSION_SECONDS = 7 * 86_400
_MOST_UNANSWERED = 512
_GOODBYE_WITHIN_S = 5.0
_READ_BYTES = 2**15
"""About fifty messages of twenty readings, half a millisecond of work."""

Receive = Callable[[Delivery], None]


class ProtocolRefused(Transient):
    """The broker does not speak this version of MQTT, or closed the connection without an answer as NATS does."""


class Line:
    """One connection.

    Args:
        url: Where the broker is.
        client_id: Under which it keeps our session.
        receive: Takes each message, at once and without waiting.
        now_ms: The wall clock.
        receive_maximum: Messages that an MQTT 5 broker may have under way to us.
        lasting: Whether the broker keeps our session; else it ends the one there is, and ours with the connection.

    Attributes:
        resumed: Whether the broker had a session of ours.
    """

    def __init__(
        self,
        url: BrokerUrl,
        client_id: str,
        receive: Receive,
        now_ms: Callable[[], int],
        receive_maximum: int,
        *,
        lasting: bool = True,
    ) -> None:
        self.version = 0
        self.resumed = False
        self._lasting = lasting
        self._url = url
        self._client_id = client_id
        self._receive = receive
        self._now_ms = now_ms
        self._receive_maximum = receive_maximum
        self._unanswered = _Unanswered()
        self._under_way: set[int] = set()
        self._lost = asyncio.Event()
        self._granted: asyncio.Future[Sequence[int]] | None = None
        self._unsubscribed: asyncio.Future[None] | None = None
        self._client: Any = None
        self._paused = False

    @property
    def is_open(self) -> bool:
        """Whether the socket stands."""
        return self._client is not None and not self._lost.is_set()

    @property
    def can_publish(self) -> bool:
        """Whether few enough publications await their answer."""
        return self.is_open and len(self._unanswered) < _MOST_UNANSWERED

    @property
    def unacknowledged(self) -> int:
        """Messages that came and are not acknowledged yet."""
        return len(self._under_way)

    async def open(self, version: int, timeout_s: float) -> None:
        """Connect.

        Args:
            version: 5 or 4 (MQTT 3.1.1).
            timeout_s: How long to wait for the broker's answer.

        Raises:
            ProtocolRefused: Not this version of MQTT.
            Fatal: The broker refuses our credential.
            Transient: No answer, or another refusal.
        """
        self.version = version
        client = self._client = self._new_client(version)
        connecting = asyncio.ensure_future(
            client.connect(self._url.host, self._url.port, ssl=self._tls(), keepalive=30, version=version)
        )
        lost = asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait({connecting, lost}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            self._judge(connecting)
        except BaseException:
            self._drop()
            raise
        finally:
            for task in (connecting, lost):
                task.cancel()
            await asyncio.gather(connecting, lost, return_exceptions=True)
        # gmqtt cuts what the socket brings into packets, each with several calls; from here on that is done by us.
        protocol = client._connection._protocol
        protocol._read_packet = self._read_packets
        protocol.read = partial(_read_some, protocol.read)
        client._connection._keep_connection = self._keep_connection

    async def subscribe(self, filters: Sequence[tuple[str, int]], timeout_s: float) -> None:
        """Subscribe to (filter, QoS) pairs.

        Raises:
            Transient: The broker refuses a filter, or does not answer.
        """
        answer = self._granted = asyncio.get_running_loop().create_future()
        self._client.subscribe([gmqtt.Subscription(text, qos=qos) for text, qos in filters])
        lost = asyncio.ensure_future(self._lost.wait())
        await asyncio.wait({answer, lost}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        lost.cancel()
        if not answer.done():
            raise Transient("the broker did not answer the subscription")
        refused = [text for (text, _), qos in zip(filters, answer.result(), strict=True) if qos >= 128]
        if refused:
            # A cluster without a leader answers the same as one whose permissions do not let us.
            raise Transient(
                f"the broker refuses the subscription to {', '.join(refused)}: expected an ingest credential, and a "
                "broker that is ready"
            )

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """End subscriptions that the session may have from before, when this worker was told otherwise."""
        if self.is_open and filters:
            self._client.unsubscribe(list(filters))

    async def unsubscribed(self, filters: Sequence[str], timeout_s: float) -> None:
        """End subscriptions; when this returns, all that the broker sent before its answer has come.

        Raises:
            Transient: No answer.
        """
        answer = self._unsubscribed = asyncio.get_running_loop().create_future()
        self.unsubscribe(filters)
        lost = asyncio.ensure_future(self._lost.wait())
        await asyncio.wait({answer, lost}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        lost.cancel()
        if not answer.done():
            raise Transient("the broker did not answer the end of a subscription")

    async def lost(self) -> str:
        """Wait for the end of the connection; return the reason."""
        await self._lost.wait()
        return "the connection was lost"

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Acknowledge messages that came on this line, or do nothing where it is gone."""
        self._under_way.difference_update(packet_ids)
        if self.is_open:
            self._write(b"".join([_PUBACK + packet_id.to_bytes(2, "big") for packet_id in packet_ids]))

    def publish_retained(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1, retained; the broker's answer only frees its packet id."""
        if self.is_open:
            self._client.publish(topic, payload, qos=1, retain=True)

    def pause(self) -> None:
        """Read no more from the socket for now: TCP and the broker's window hold back the rest."""
        if self.is_open and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on. A stream that is full has paused the socket itself, and resumes it once it is not."""
        if self._paused:
            self._paused = False
            if self.is_open and not self._client._connection._protocol._stream_reader._paused:
                self._transport.resume_reading()

    async def close(self) -> None:
        """Say goodbye and close; what was acknowledged before goes out first."""
        if self.is_open:
            with contextlib.suppress(TimeoutError):  # a broker that takes nothing any more
                await asyncio.wait_for(self._client.disconnect(), _GOODBYE_WITHIN_S)
        self._drop()

    def _judge(self, connecting: "asyncio.Future[None]") -> None:
        """Return where the broker accepted us, else raise for the reason."""
        if not connecting.done():
            if self._lost.is_set():
                raise ProtocolRefused("the broker closed the connection without an answer")
            raise Transient("the broker did not answer the connection")
        error = connecting.exception()
        if isinstance(error, MQTTConnectError):
            raise self._refusal(error)
        if error is not None:
            raise Transient(f"the broker at {self._url} does not answer: {error}") from error

    def _refusal(self, error: MQTTConnectError) -> IngestError:
        if error._code in _REFUSED_PROTOCOL:
            return ProtocolRefused(str(error))
        if error._code in _REFUSED_CREDENTIALS:
            return Fatal(f"the broker at {self._url} refuses us: {error}")
        return Transient(f"the broker at {self._url} refuses us for now: {error}")

    def _new_client(self, version: int) -> Any:
        quiet = logging.getLogger("siloscope_ingest.gmqtt")
        quiet.setLevel(logging.CRITICAL)  # what it has to say is said by us, and its debug lines cost 1 µs a message
        properties: dict[str, int] = {}
        if version == MQTTv50:
            expiry_s = _SESSION_SECONDS if self._lasting else 0
            properties = {"session_expiry_interval": expiry_s, "receive_maximum": self._receive_maximum}
        client = gmqtt.Client(
            self._client_id,
            clean_session=not self._lasting,
            optimistic_acknowledgement=False,
            persistent_storage=self._unanswered,
            logger=quiet,
            **properties,
        )
        client.set_config({"reconnect_retries": _NEVER_RECONNECT, "reconnect_delay": 0})
        if self._url.username is not None:
            client.set_auth_credentials(self._url.username, self._url.password)
        client.on_disconnect = self._on_disconnect
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = self._on_unsubscribe
        # gmqtt tells its message callback no packet id. Its table of handlers by command is where ours takes over.
        client._package_handler._handler_cache[MQTTCommands.PUBLISH] = self._on_publish
        return client

    def _read_packets(self, data: bytes) -> int:
        """Take all whole packets that the socket brought; return where the first one begins that is not whole.

        What is none ends the connection, and so does a PUBLISH that is not what it should be: gmqtt takes -1 for that.
        """
        connection = self._client._connection
        connection._last_data_in = time.monotonic()
        if self._paused:
            self._transport.pause_reading()  # the stream that gmqtt reads from resumes it by itself when it runs empty
        now_ms = self._now_ms()
        try:
            found, end = frames.split(data, self.version == MQTTv50)
        except ValueError:
            self._transport.close()
            return -1
        for command, topic, packet_id, body in found:
            if topic is None:
                connection.put_package(Package(command, body))
            else:
                self._take(command, topic, packet_id, body, now_ms)
        return end

    def _keep_connection(self) -> None:
        """Ping, and end a connection that says nothing any more; what a paused one says lies unread."""
        connection = self._client._connection
        if self._paused:
            connection._last_data_in = time.monotonic()
        MQTTConnection._keep_connection(connection)

    def _on_publish(self, command: int, packet: bytes) -> None:
        """Take a message that gmqtt cut out, before that was done by us."""
        _, topic, packet_id, payload = frames.publication(command, packet, self.version == MQTTv50)
        assert topic is not None
        self._take(command, topic, packet_id, payload, self._now_ms())

    def _take(self, command: int, topic: str, packet_id: int | None, payload: bytes, now_ms: int) -> None:
        """Hand a message on."""
        if packet_id is not None:
            if packet_id in self._under_way and command & 8:
                return  # NATS sends again after 30 s what it has on this line already: one copy is enough
            self._under_way.add(packet_id)
        self._receive(Delivery(topic, payload, now_ms, packet_id, self, command & 8 != 0, command & 1 != 0))

    def _on_disconnect(self, *_: object) -> None:
        self._lost.set()

    def _on_connect(self, _client: object, flags: int, _code: int, _properties: object) -> None:
        self.resumed = flags & 1 != 0

    def _on_unsubscribe(self, *_: object) -> None:
        if self._unsubscribed is not None and not self._unsubscribed.done():
            self._unsubscribed.set_result(None)

    def _on_subscribe(self, _client: object, _mid: int, granted: Sequence[int], _properties: object) -> None:
        if self._granted is not None and not self._granted.done():
            self._granted.set_result(granted)

    @property
    def _transport(self) -> asyncio.Transport:
        transport: asyncio.Transport = self._client._connection._transport
        return transport

    def _write(self, data: bytes) -> None:
        self._client._connection._protocol.write_data(data)

    def _tls(self) -> ssl.SSLContext | bool:
        return ssl.create_default_context() if self._url.tls else False

    def _drop(self) -> None:
        """Make sure that the socket is closed and that nothing is done on it any more."""
        self._lost.set()
        connection = self._client._connection
        if connection is not None:
            if connection._keep_connection_callback:
                connection._keep_connection_callback.cancel()
            connection._transport.abort()


VERSIONS = {"5": MQTTv50, "3.1.1": MQTTv311}


class _Unanswered:
    """Our publications under way, by packet id alone: they are never sent again, the next watermark says it all.

    Stands for gmqtt's PersistentStorage.
    """

    def __init__(self) -> None:
        self._packet_ids: set[int] = set()

    def __len__(self) -> int:
        return len(self._packet_ids)

    def __bool__(self) -> bool:
        return True  # gmqtt puts a storage of its own in the place of one that is false, as an empty one would be

    @property
    def is_empty(self) -> bool:
        return not self._packet_ids

    def push_message(self, mid: int, _raw_package: bytes) -> None:
        self._packet_ids.add(mid)

    def remove_message_by_mid(self, mid: int) -> None:
        self._packet_ids.discard(mid)

    async def wait_empty(self) -> None:
        return

    def clear(self) -> None:
        self._packet_ids.clear()

    def get_all(self) -> list[tuple[int, bytes]]:
        return []


async def _read_some(read: Callable[[int], Awaitable[bytes]], _most: int) -> bytes:
    """Return some of what a socket brought, after everybody else had a turn.

    gmqtt's stream hands out all that it has, and takes in more, without one: the database's answers would lie there.
    """
    await asyncio.sleep(0)
    return await read(_READ_BYTES)
