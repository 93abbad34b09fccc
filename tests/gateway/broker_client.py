"""A blocking MQTT client for tests: what it was told, in queues that are waited on."""

from collections.abc import Iterable
from queue import Empty, Queue
from types import TracebackType

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from siloscope_gateway.credentials import Credential

PATIENCE_S = 10


class BrokerClient:
    """One session."""

    def __init__(self, port: int, credential: Credential | None, client_id: str, *, clean: bool = True) -> None:
        self.messages: Queue[tuple[str, bytes, bool]] = Queue()
        self._connected: Queue[ReasonCode] = Queue()
        self._granted: Queue[list[ReasonCode]] = Queue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean)
        if credential is not None:
            self._client.username_pw_set(credential.username, credential.password)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.accepted = not self._connected.get(timeout=PATIENCE_S).is_failure

    def subscribe(self, *filters: str) -> list[bool]:
        """Ask for filters at QoS 1; return which of them were granted."""
        self._client.subscribe([(each, 1) for each in filters])
        return [not code.is_failure for code in self._granted.get(timeout=PATIENCE_S)]

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish at QoS 1 and wait for the broker's acknowledgement."""
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        assert sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS
        sent.wait_for_publish(PATIENCE_S)
        assert sent.is_published()

    def next_message(self) -> tuple[str, bytes, bool]:
        """Wait for the next message: topic, payload, whether it was retained."""
        return self.messages.get(timeout=PATIENCE_S)

    def seen(self) -> list[bytes]:
        """Return the payloads that have arrived, without waiting."""
        payloads = []
        try:
            while True:
                payloads.append(self.messages.get_nowait()[1])
        except Empty:
            return payloads

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> "BrokerClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _on_connect(
        self, _client: paho.Client, _data: object, _flags: object, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._connected.put(code)

    def _on_subscribe(
        self, _client: paho.Client, _data: object, _mid: int, codes: Iterable[ReasonCode], _props: Properties | None
    ) -> None:
        self._granted.put(list(codes))

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self.messages.put((message.topic, bytes(message.payload), message.retain))
