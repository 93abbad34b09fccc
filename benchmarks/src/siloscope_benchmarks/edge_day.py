"""What a typical site costs the link and the flash in a day: 25 devices of 8 channels on one line, every 10 s.

The real agent runs for some minutes; what it sends goes through a forwarder that counts, and what it writes is what the
kernel says that reached the disk. The spool does not trim in that time: what an hour with trimming writes stands in
decision 0042.
"""

import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from siloscope_benchmarks import edge_site
from siloscope_benchmarks.edge_site import Site
from siloscope_benchmarks.parts import Broker, running_edge
from siloscope_benchmarks.resources import cpu_seconds
from siloscope_deploy.servers.ports import free_port
from siloscope_process.errors import Unavailable

TYPICAL = Site(25, 8, 50, 10.0)
_DAY_S = 86_400
_SETTLE_S = 5.0
_READ_BYTES = 1 << 16


class Day(msgspec.Struct):
    """What was measured, a day.

    Attributes:
        sent_bytes: To the broker: MQTT with all that belongs to it, without TCP's own heads.
        received_bytes: From the broker.
        written_bytes: To the disk.
        share: In cores.
    """

    readings: int
    sent_bytes: float
    received_bytes: float
    written_bytes: float
    share: float
    measured_s: float


def measure(broker: Broker, minutes: float, environ: Mapping[str, str], say: Callable[[str], None]) -> Day:
    """Run a typical site for some minutes.

    Raises:
        Unavailable: The agent ended.
    """
    say(f"a typical site, for {minutes:g} minutes")
    with edge_site.answering(msgspec.structs.replace(TYPICAL, devices=1)) as ports, TemporaryDirectory() as created:
        folder = Path(created)
        forwarder = _Forwarder(broker.host, broker.port)
        counted = replace(broker, port=forwarder.port)
        config = edge_site.write(TYPICAL, ports * TYPICAL.devices, counted, free_port(), folder)
        log = folder / "edge.log"
        with running_edge(config, environ, log) as edge:
            time.sleep(_SETTLE_S)
            before = forwarder.sent, forwarder.received, _written(edge.pid), cpu_seconds(edge.pid), time.monotonic()
            time.sleep(minutes * 60)
            if edge.poll() is not None:
                raise Unavailable("the agent ended: " + log.read_text("utf-8", "replace")[-500:])
            after = forwarder.sent, forwarder.received, _written(edge.pid), cpu_seconds(edge.pid), time.monotonic()
    sent, received, written, used_s, took_s = (now - then for now, then in zip(after, before, strict=True))
    a_day = _DAY_S / took_s
    readings = round(TYPICAL.readings_per_s * _DAY_S)
    return Day(readings, sent * a_day, received * a_day, written * a_day, used_s / took_s, took_s)


def _written(pid: int) -> int:
    """Return how many bytes a process has had written to the disk."""
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise Unavailable("the kernel does not count what processes write")


class _Forwarder:
    """Passes one connection after the other on to a broker, and counts."""

    def __init__(self, host: str, port: int) -> None:
        self.sent = self.received = 0
        self._to = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            far = socket.create_connection(self._to)
            threading.Thread(target=self._pass, args=(near, far, "sent"), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near, "received"), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, counted: str) -> None:
        try:
            while data := source.recv(_READ_BYTES):
                setattr(self, counted, getattr(self, counted) + len(data))
                sink.sendall(data)
        except OSError:
            pass  # the other direction has closed it
        source.close()
        sink.close()
