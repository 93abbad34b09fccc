"""Watching a running benchmark: its generator, the metrics of its services, and when samples become visible."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import msgspec

from siloscope_benchmarks.load import Load, Phase, Sent
from siloscope_benchmarks.parts import Broker
from siloscope_contract.topics import Kind, subscription
from siloscope_process.clock import SystemClock
from siloscope_process.errors import Unavailable
from siloscope_store import probes
from siloscope_store.connections import connect_async

_READY_WITHIN_S = 60
_LOOK_EVERY_S = 0.002


class Latency(msgspec.Struct):
    """How long something took, in milliseconds."""

    samples: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    most_ms: float

    @classmethod
    def of(cls, found_ms: Iterable[float]) -> "Latency | None":
        """Return it of what was seen; None of nothing."""
        found = sorted(found_ms)
        if not found:
            return None
        return cls(len(found), _at(found, 0.5), _at(found, 0.95), _at(found, 0.99), found[-1])


class LoadGenerator:
    """The generator's process."""

    def __init__(self, load: Load) -> None:
        command = [sys.executable, "-m", "siloscope_benchmarks.load"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self._process.pid
        self._write(msgspec.json.encode(load))

    async def ready(self) -> None:
        """Wait until every node has sent something."""
        if await self._line() != b"ready\n":
            raise Unavailable("the load generator did not say that it is ready")

    def tell_committed(self, count: int) -> None:
        """Tell how many messages are committed."""
        with suppress(BrokenPipeError):  # it may just have ended
            self._write(b"%d" % count)

    async def run(self, phase: Phase) -> Sent:
        """Have it carry out a phase."""
        self._write(msgspec.json.encode(phase))
        return msgspec.json.decode(await self._line(), type=Sent)

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        with suppress(BrokenPipeError):
            self._process.communicate()

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = await asyncio.to_thread(self._process.stdout.readline)
        if not line:
            raise Unavailable("the load generator ended before it was told to")
        return line


class Prober:
    """Sees when the newest samples of some groups become visible, on a connection of its own.

    Args:
        url: The database.
        device: Whose groups; its samples bear the time of their publishing.
        most: How many of them.
        every_s: How often to look; each look costs what is measured a little.
    """

    def __init__(self, url: str, device: str, most: int = 20, every_s: float = _LOOK_EVERY_S) -> None:
        self._url, self._device, self._most, self._every_s = url, device, most, every_s
        self._found_ms: list[float] = []

    async def run(self) -> None:
        """Look until cancelled; where a device sends more than one sample between two looks, only the last counts."""
        clock = SystemClock()
        connection = await connect_async(self._url, autocommit=True)
        try:
            group_ids: list[int] = []
            while not group_ids:
                group_ids = await probes.groups(connection, self._device, self._most)
                await asyncio.sleep(_LOOK_EVERY_S)
            known = await probes.newest_ms(connection, group_ids)
            while True:
                await asyncio.sleep(self._every_s)
                newest = await probes.newest_ms(connection, group_ids)
                now_ms = clock.now_ms()
                self._found_ms += [now_ms - at_ms for group, at_ms in newest.items() if at_ms != known.get(group)]
                known = newest
        finally:
            await connection.close()

    def latency(self) -> Latency | None:
        """Return what was seen."""
        return Latency.of(self._found_ms)


def metric(port: int, *names: str) -> list[float]:
    """Return metrics of a service, those with labels as their largest; 0 where there are none."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    found = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return [
        max((float(value) for key, _, value in found if key == name or key.startswith(name + "{")), default=0.0)
        for name in names
    ]


def wait_until_ready(service: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Wait until a service says that it is ready.

    Raises:
        Unavailable: It does not.
    """
    deadline_s = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline_s and service.poll() is None:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise Unavailable("a service did not become ready: " + log.read_text("utf-8", "replace")[-500:])


@contextmanager
def counting(broker: Broker) -> Iterator["CountingSubscriber"]:
    """Run a subscriber that does nothing but count."""
    subscriber = CountingSubscriber(broker)
    try:
        yield subscriber
    finally:
        subscriber.end()


class CountingSubscriber:
    """The subscriber's process."""

    def __init__(self, broker: Broker) -> None:
        credential = broker.ingest
        arguments = [broker.host, str(broker.port), credential.username, credential.password]
        command = [sys.executable, "-m", "siloscope_benchmarks.counting", *arguments, subscription(Kind.SAMPLES)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.count = 0
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            raise Unavailable("the counting subscriber could not subscribe")

    async def follow(self) -> int:
        """Take the next of its counts, which come every tenth of a second."""
        assert self._process.stdout is not None
        self.count = int(await asyncio.to_thread(self._process.stdout.readline))
        return self.count

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.communicate()


def _at(ascending: list[float], share: float) -> float:
    return ascending[min(len(ascending) - 1, int(len(ascending) * share))]
