"""The load generator: one MQTT 3.1.1 connection that keeps a window of QoS 1 messages full. Runs as its own process.

Reads one JSON object (`Load`) from standard input, sends one message of each node, and says "ready" when all are
answered. Then it is told phases (`Phase`, as JSON, a line each), and prints after each what it did (`Sent`).

While it sends it is told, a line each, how many messages are committed, and runs no further ahead than so many, as
edges do: a broker that answers faster than ingest commits would else throw away what its queue no longer holds.
"""

import os
import socket
import time
from collections.abc import Callable, Sequence
from select import select

import msgspec

from siloscope_benchmarks import mqtt
from siloscope_benchmarks.fleet import LIVE_DEVICE, Fleet, Form

_CHUNK = 64
_STANDARD_INPUT = 0
_READ_BYTES = 1 << 16
_BACKLOG_STEP_MS = 10_000


class Load(msgspec.Struct):
    """What to send, where, and with what windows.

    Attributes:
        window: Most messages that the broker has not answered.
        uncommitted: Most messages that are not known to be committed.
        backlog_from_ms: Where the times of a backlog begin.
    """

    host: str
    port: int
    username: str
    password: str
    nodes: int
    readings: int
    samples: int
    window: int
    uncommitted: int = 100_000
    form: Form = Form.NUMBERED
    backlog_from_ms: int = 0


class Phase(msgspec.Struct):
    """What to do next.

    Attributes:
        seconds: For how long to send, or, with a backlog, at most.
        rate: Messages a second; 0 = as many as go.
        backlog: How many old messages to send; 0 = none, new ones are sent.
        fill: Stop where the window is full of what is not committed: nobody commits.
        live_rate: New messages a second beside a backlog, of another device and epoch.
    """

    seconds: float = 0
    rate: float = 0
    backlog: int = 0
    fill: bool = False
    live_rate: float = 0


class Sent(msgspec.Struct):
    """What was sent."""

    messages: int
    seconds: float
    payload_bytes: int
    live: int = 0


class Stream:
    """Messages of all nodes in turn, of one device and epoch each.

    Args:
        fleet: The nodes.
        live: Of the device that reports beside a backlog.
        now_ms: The wall clock; a turn's samples lie between the turn before and now.
    """

    def __init__(self, fleet: Fleet, now_ms: Callable[[], int], *, live: bool = False) -> None:
        self.sent = 0
        self.payload_bytes = 0
        self._nodes, self._samples, self._form = fleet.nodes, fleet.samples, fleet.form
        self._templates = fleet.templates(LIVE_DEVICE) if live else fleet.templates()
        self._heads = [mqtt.field(fleet.topic(node)) for node in range(fleet.nodes)]
        epoch = fleet.live_epoch if live else fleet.epoch
        self._epochs = [epoch(node).encode() for node in range(fleet.nodes)]
        self._now_ms = now_ms
        self._last_ms = [0] * fleet.nodes
        self._from_ms = self._to_ms = now_ms() - fleet.samples
        self._times: list[bytes] = []
        self._number = b""

    def message(self, packet_id: int, at_ms: int | None = None) -> bytes:
        """Return the next message, as an MQTT packet; `at_ms` says the time of its last sample, else the turn does."""
        turn, node = divmod(self.sent, self._nodes)
        if node == 0:
            self._begin(turn)
        times = self._times
        if at_ms is not None:
            at_ms = self._last_ms[node] = max(at_ms, self._last_ms[node] + 1)
            times = _times(at_ms, _BACKLOG_STEP_MS, self._samples)
        payload = self._payload(node, times)
        self.sent += 1
        self.payload_bytes += len(payload)
        head = self._heads[node]
        size = mqtt.length(len(head) + 2 + len(payload))
        return b"".join((_PUBLISH, size, head, packet_id.to_bytes(2, "big"), payload))

    def _begin(self, turn: int) -> None:
        """Work out what is the same in every message of a turn."""
        self._from_ms, self._to_ms = self._to_ms, max(self._now_ms(), self._to_ms + self._samples)
        self._times = _times(self._to_ms, (self._to_ms - self._from_ms) // self._samples, self._samples)
        self._number = b"%d" % (turn + 1)

    def _payload(self, node: int, times: Sequence[bytes]) -> bytes:
        pieces = self._templates[self.sent % len(self._templates)]
        if self._form is Form.RELATIVE:
            return pieces[0]
        body = [pieces[0], times[0], pieces[1]]
        if self._form is Form.NUMBERED:
            body += (self._epochs[node], pieces[2], self._number, pieces[3])
        if self._samples > 1:
            for time_text, piece in zip(times[1:], pieces[1 - self._samples :], strict=True):
                body += (time_text, piece)
        return b"".join(body)


class Generator:
    """Sends messages of a fleet, round robin."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._fleet = Fleet(load.nodes, load.readings, load.samples, form=load.form)
        self._stream = Stream(self._fleet, _now_ms)
        self._live: Stream | None = None
        self._sent = self._answered = self._committed = 0
        self._told = b""
        self.phases: list[Phase] = []
        self._left = b""
        self._unsent = memoryview(b"")
        self._socket = mqtt.connected(load.host, load.port, "siloscope-bench", load.username, load.password)

    def warm(self) -> None:
        """Send one message of each node, and wait until all are answered."""
        self._send([self._next(self._stream) for _ in range(self._load.nodes)])

    def phase(self) -> Phase | None:
        """Wait for the next phase; None where there is none any more."""
        while not self.phases:
            if not self._hear():
                return None
        return self.phases.pop(0)

    def run(self, phase: Phase) -> Sent:
        """Carry out a phase."""
        if phase.live_rate and self._live is None:
            self._live = Stream(Fleet(self._load.nodes, self._load.readings), _now_ms, live=True)
        first, first_bytes = self._stream.sent, self._stream.payload_bytes
        first_live = self._live.sent if self._live else 0
        began_s = time.monotonic()
        while not self._is_done(phase, self._stream.sent - first, time.monotonic() - began_s):
            self._turn(phase, first, first_live, time.monotonic() - began_s)
        while self._unsent or self._answered < self._sent:
            self._exchange(1.0)
        return Sent(
            self._stream.sent - first,
            time.monotonic() - began_s,
            self._stream.payload_bytes - first_bytes,
            self._live.sent - first_live if self._live else 0,
        )

    def _is_done(self, phase: Phase, sent: int, elapsed_s: float) -> bool:
        if phase.backlog and sent >= phase.backlog:
            return True
        if phase.fill:
            return self._room(phase) <= 0 and self._answered == self._sent
        return elapsed_s >= phase.seconds

    def _room(self, phase: Phase) -> int:
        """Return how many messages may go now, as the windows have it; a backlog leaves a quarter to live ones."""
        uncommitted = self._load.uncommitted * 3 // 4 if phase.backlog else self._load.uncommitted
        return min(self._load.window - (self._sent - self._answered), uncommitted - (self._sent - self._committed))

    def _turn(self, phase: Phase, first: int, first_live: int, elapsed_s: float) -> None:
        packets: list[bytes] = []
        if not self._unsent:
            if phase.live_rate and self._live is not None:
                due = int(elapsed_s * phase.live_rate) - (self._live.sent - first_live)
                packets += [self._next(self._live) for _ in range(max(0, due))]
            room = min(_CHUNK, self._room(phase))
            if phase.backlog:
                room = min(room, phase.backlog - (self._stream.sent - first))
            elif phase.rate:
                room = min(room, int(elapsed_s * phase.rate) - (self._stream.sent - first))
            packets += [self._next(self._stream, phase) for _ in range(room)]
            self._unsent = memoryview(b"".join(packets))
        self._exchange(0.1 if self._unsent else 0.001)

    def _send(self, packets: list[bytes]) -> None:
        """Send packets that were just counted as sent, a window at a time; wait until all are answered."""
        first = self._sent - len(packets)
        for at in range(0, len(packets), self._load.window):
            several = packets[at : at + self._load.window]
            self._unsent = memoryview(b"".join(several))
            while self._unsent or self._answered < first + at + len(several):
                self._exchange(1.0)

    def _next(self, stream: Stream, phase: Phase | None = None) -> bytes:
        packet_id = self._sent % 65535 + 1
        self._sent += 1
        if phase is not None and phase.backlog:
            turn = stream.sent // self._load.nodes
            return stream.message(packet_id, self._load.backlog_from_ms + turn * _BACKLOG_STEP_MS * self._load.samples)
        if stream is self._live or (phase is not None and phase.rate and self._load.samples == 1):
            return stream.message(packet_id, _now_ms())  # the very time of publishing, which latency is measured from
        return stream.message(packet_id)

    def _hear(self) -> bool:
        """Take what standard input says; return whether it may say more."""
        told = os.read(_STANDARD_INPUT, 4096)
        *lines, self._told = (self._told + told).split(b"\n")
        for line in lines:
            if line.startswith(b"{"):
                self.phases.append(msgspec.json.decode(line, type=Phase))
            else:
                self._committed = int(line)
        return bool(told)

    def _exchange(self, timeout_s: float) -> None:
        reading: list[socket.socket | int] = [self._socket, _STANDARD_INPUT]
        writing = [self._socket] if self._unsent else []
        readable, writable, _ = select(reading, writing, [], timeout_s)
        if _STANDARD_INPUT in readable and not self._hear():
            raise SystemExit(1)  # who started us is gone
        if self._socket in readable:
            data = self._left + self._socket.recv(_READ_BYTES)
            if not data:
                raise ConnectionError("the broker closed the connection")
            self._answered += len(data) // 4  # nothing but PUBACKs comes, 4 bytes each
            self._left = data[len(data) // 4 * 4 :]
        if writable:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]


_PUBLISH = bytes([mqtt.PUBLISH_QOS_1])


def _times(last_ms: int, step_ms: int, samples: int) -> list[bytes]:
    """Return the times of a message's samples, as it says them."""
    return [b"%.3f" % ((last_ms - before * step_ms) / 1000) for before in reversed(range(samples))]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def main() -> None:
    """Play the generator's part of a benchmark."""
    told = os.fdopen(_STANDARD_INPUT, "rb", buffering=0, closefd=False)  # a buffer would hide lines from select
    generator = Generator(msgspec.json.decode(told.readline(), type=Load))
    generator.warm()
    print("ready", flush=True)
    while True:
        phase = generator.phase()
        if phase is None:
            return
        print(msgspec.json.encode(generator.run(phase)).decode(), flush=True)


if __name__ == "__main__":
    main()
