"""The load generator: one MQTT 3.1.1 connection that keeps a window of QoS 1 messages full. Runs as its own process.

Reads one JSON object (`Load`) from standard input, sends one message of each node, says "ready" when all are answered,
waits for a line, then sends for so many seconds, and prints what it did as JSON.

While it sends it is told, a line each, how many messages are committed, and runs no further ahead than so many: a
broker that answers faster than ingest commits would else throw away what its queue no longer holds.
"""

import os
import socket
import struct
import time
from select import select

import msgspec

from siloscope_benchmarks.fleet import STEP_MS, Fleet

_CHUNK = 64
_MOST_UNCOMMITTED = 100_000
_STANDARD_INPUT = 0
_READ_BYTES = 1 << 16
_PUBLISH_QOS_1 = 0x32


class Load(msgspec.Struct):
    """What to send, where and how fast."""

    host: str
    port: int
    username: str
    password: str
    nodes: int
    readings: int
    samples: int
    seconds: float
    window: int
    start_ms: int
    rate: float = 0


class Sent(msgspec.Struct):
    """What was sent."""

    messages: int
    seconds: float
    payload_bytes: int


class Generator:
    """Sends messages of a fleet, round robin."""

    def __init__(self, load: Load) -> None:
        self._load = load
        fleet = Fleet(load.nodes, load.readings, load.samples)
        self._templates = fleet.templates()
        self._heads = [_topic_field(fleet.topic(node)) for node in range(load.nodes)]
        self._epochs = [fleet.epoch(node).encode() for node in range(load.nodes)]
        self._sent = self._answered = 0
        self._committed: int | None = None
        self._told = b""
        self.payload_bytes = 0
        self._left = b""
        self._unsent = memoryview(b"")
        self._connect()

    @property
    def sent(self) -> int:
        """How many messages went out."""
        return self._sent

    def send(self, count: int | None, seconds: float | None) -> None:
        """Send so many messages, or for so long, then wait until all are answered."""
        began_s = time.monotonic()
        first = self._sent
        while True:
            if count is not None and self._sent - first >= count:
                break
            now_s = time.monotonic() - began_s
            if seconds is not None and now_s >= seconds:
                break
            room = min(_CHUNK, self._load.window - (self._sent - self._answered))
            if self._committed is not None:
                room = min(room, _MOST_UNCOMMITTED - (self._sent - self._committed))
            if count is not None:
                room = min(room, count - (self._sent - first))
            elif self._load.rate:
                room = min(room, int(now_s * self._load.rate) - (self._sent - first))
            if room > 0 and not self._unsent:
                self._unsent = memoryview(b"".join([self.message() for _ in range(room)]))
            self._exchange(0.001 if room <= 0 else 0.1)
        while self._unsent or self._answered < self._sent:
            self._exchange(1.0)

    def _connect(self) -> None:
        self._socket = _connected(self._load)

    def all_committed(self) -> None:
        """Take all that was sent as committed, and from now on what standard input says."""
        self._committed = self._sent

    def _hear(self) -> None:
        *lines, self._told = (self._told + os.read(_STANDARD_INPUT, 4096)).split(b"\n")
        if lines:
            self._committed = int(lines[-1])

    def _exchange(self, timeout_s: float) -> None:
        listening: list[socket.socket | int] = [self._socket]
        if self._committed is not None:
            listening.append(_STANDARD_INPUT)
        readable, writable, _ = select(listening, [self._socket] if self._unsent else [], [], timeout_s)
        if _STANDARD_INPUT in readable:
            self._hear()
        if self._socket in readable:
            data = self._left + self._socket.recv(_READ_BYTES)
            if not data:
                raise ConnectionError("the broker closed the connection")
            self._answered += len(data) // 4  # nothing but PUBACKs comes, 4 bytes each
            self._left = data[len(data) // 4 * 4 :]
        if writable:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]

    def message(self) -> bytes:
        """Return the next message, as an MQTT packet."""
        at = self._sent
        self._sent = at + 1
        node, turn = at % self._load.nodes, at // self._load.nodes
        time_ms = self._load.start_ms + turn * STEP_MS * self._load.samples
        pieces = self._templates[at & 63]
        body = [pieces[0], b"%.3f" % (time_ms / 1000), pieces[1], self._epochs[node], pieces[2], b"%d" % (turn + 1)]
        for sample, piece in enumerate(pieces[3:], start=1):
            body.append(piece)
            if sample < self._load.samples:
                body.append(b"%.3f" % ((time_ms + sample * STEP_MS) / 1000))
        payload = b"".join(body)
        self.payload_bytes += len(payload)
        head = self._heads[node]
        return b"".join(
            (
                _PUBLISH,
                _length(len(head) + 2 + len(payload)),
                head,
                (at % 65535 + 1).to_bytes(2, "big"),
                payload,
            )
        )


_PUBLISH = bytes([_PUBLISH_QOS_1])


def _topic_field(topic: str) -> bytes:
    return struct.pack(">H", len(topic)) + topic.encode()


def _length(size: int) -> bytes:
    encoded = bytearray()
    while True:
        size, low = divmod(size, 128)
        encoded.append(low | (0x80 if size else 0))
        if not size:
            return bytes(encoded)


def _connected(load: Load) -> socket.socket:
    """Return a socket that the broker has accepted as an MQTT 3.1.1 client."""
    connection = socket.create_connection((load.host, load.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    fields = b"".join(_topic_field(each) for each in ("siloscope-bench", load.username, load.password))
    body = b"\x00\x04MQTT\x04\xc2" + struct.pack(">H", 0) + fields
    connection.sendall(b"\x10" + _length(len(body)) + body)
    answer = connection.recv(4)
    if answer != b"\x20\x02\x00\x00":
        raise ConnectionError(f"the broker answered {answer.hex()}")
    connection.setblocking(False)
    return connection


def main() -> None:
    """Play the generator's part of a benchmark."""
    told = os.fdopen(_STANDARD_INPUT, "rb", buffering=0, closefd=False)  # a buffer would hide lines from select
    load = msgspec.json.decode(told.readline(), type=Load)
    generator = Generator(load)
    generator.send(load.nodes, None)
    print("ready", flush=True)
    told.readline()
    generator.all_committed()
    warm, warm_bytes = generator.sent, generator.payload_bytes
    began_s = time.monotonic()
    generator.send(None, load.seconds)
    sent = Sent(generator.sent - warm, time.monotonic() - began_s, generator.payload_bytes - warm_bytes)
    print(msgspec.json.encode(sent).decode(), flush=True)


if __name__ == "__main__":
    main()
