"""A subscriber that keeps what it gets with the moment of its arrival, on a thread of its own."""

import threading
import time
from select import select

from siloscope_benchmarks import mqtt
from siloscope_benchmarks.parts import Broker
from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_process.errors import Unavailable

_READ_BYTES = 1 << 18
_PUBLISH, _SUBACK = 0x30, 0x90
_EVERY_S = 0.1


class Collector:
    """Keeps the packs of one node.

    Args:
        broker: Where, with the credential of ingest.
        node: Whose.

    Attributes:
        packs: When each arrived, on the monotonic clock, and its payload.
    """

    def __init__(self, broker: Broker, node: NodeName) -> None:
        self.packs: list[tuple[float, bytes]] = []
        self._ended = False
        credential = broker.ingest
        self._connection = mqtt.connected(
            broker.host, broker.port, "siloscope-bench-collector", credential.username, credential.password
        )
        topic = Topic(node, Kind.SAMPLES).text()
        self._connection.sendall(mqtt.packet(0x82, b"\x00\x01" + mqtt.field(topic) + b"\x00"))
        self._subscribed = threading.Event()
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()
        if not self._subscribed.wait(10):
            raise Unavailable("the collecting subscriber could not subscribe")

    def end(self) -> None:
        """Stop."""
        self._ended = True
        self._thread.join()
        self._connection.close()

    def _collect(self) -> None:
        left = b""
        while not self._ended:
            readable, _, _ = select([self._connection], [], [], _EVERY_S)
            if not readable:
                continue
            data = left + self._connection.recv(_READ_BYTES)
            arrived_s = time.monotonic()
            at = 0
            while (whole := mqtt.whole_packet(data, at)) is not None:
                start, end = whole
                if data[at] & 0xF0 == _PUBLISH:
                    topic = data[start] << 8 | data[start + 1]
                    self.packs.append((arrived_s, data[start + 2 + topic : end]))
                elif data[at] == _SUBACK:
                    self._subscribed.set()
                at = end
            left = data[at:]
