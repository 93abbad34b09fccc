"""How many messages a second go all the way: broker, ingest, committed in the database, acknowledged.

Everything runs on this machine: load generator, broker, ingest, database. The limit that stands beside the figure is
plain COPY of the same rows into an empty table of the same kind, in the same run.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import msgspec

from siloscope_benchmarks.fleet import Fleet
from siloscope_benchmarks.load import Load, Sent
from siloscope_benchmarks.parts import Broker, Database, running_broker, running_database, running_ingest
from siloscope_benchmarks.resources import cpu_seconds, peak_memory_mib
from siloscope_deploy.servers.ports import free_port
from siloscope_process.clock import SystemClock
from siloscope_process.errors import Unavailable
from siloscope_store import ledger, samples
from siloscope_store.connections import connect_async
from siloscope_store.samples import SPAN_MS, SampleTable

_READY_WITHIN_S = 30
_POLL_S = 0.1
_WARM_WITHIN_S = 600
_DRAINED_WITHIN_S = 300
_COPIED_ROWS = 200_000
_COPIED_AT_ONCE = 20_000


class Plan(msgspec.Struct, frozen=True):
    """What to measure."""

    seconds: float
    nodes: int
    readings: int
    samples: int
    window: int
    rate: float
    broker: str
    database: str


class Result(msgspec.Struct):
    """What was measured; a second of CPU is one core for one second."""

    plan: Plan
    messages: int
    seconds: float
    messages_per_s: float
    readings_per_s: float
    samples_per_s: float
    payload_bytes_per_message: float
    consumer_cpu_us_per_message: float
    consumer_peak_memory_mib: float
    copy_rows_per_s: float
    share_of_copy: float
    cpu_share: dict[str, float]
    messages_per_commit: float
    commit_ms: float
    all_accounted: bool
    rows_stored: int
    rows_expected: int
    cores: int
    load_average_before: float


def measure(plan: Plan, environ: Mapping[str, str], say: Callable[[str], None]) -> Result:
    """Start everything, measure, and stop everything.

    Raises:
        Unavailable: Broker or database cannot be had here, or ingest did not become ready.
    """
    load_average = os.getloadavg()[0]
    with (
        running_database(plan.database, environ) as database,
        running_broker(plan.broker) as broker,
        TemporaryDirectory() as folder,
    ):
        say("copying rows, for comparison")
        copy_rows_per_s = asyncio.run(_copy_speed(database, plan))
        port = free_port()
        with running_ingest(database, broker, port, environ, Path(folder) / "ingest.log") as ingest:
            _wait_until_ready(ingest, port, Path(folder) / "ingest.log")
            return asyncio.run(_run(plan, database, broker, (ingest.pid, port), copy_rows_per_s, load_average, say))


async def _copy_speed(database: Database, plan: Plan) -> float:
    """Return rows a second of plain COPY, in transactions of as many rows as a large batch has."""
    start_ms = SystemClock().now_ms() // SPAN_MS * SPAN_MS
    rows = Fleet(plan.nodes, plan.readings).rows(_COPIED_ROWS, start_ms)
    connection = await connect_async(database.url, autocommit=True)
    try:
        await samples.make_room(connection, SampleTable.VITALS, [start_ms // SPAN_MS])
        began_s = time.monotonic()
        for at in range(0, len(rows), _COPIED_AT_ONCE):
            await samples.copy_directly(connection, SampleTable.VITALS, rows[at : at + _COPIED_AT_ONCE])
        return len(rows) / (time.monotonic() - began_s)
    finally:
        await connection.close()


async def _run(
    plan: Plan,
    database: Database,
    broker: Broker,
    ingest: tuple[int, int],
    copy_rows_per_s: float,
    load_average: float,
    say: Callable[[str], None],
) -> Result:
    ingest_pid, port = ingest
    connection = await connect_async(database.url, autocommit=True)
    generator = _start_generator(plan, broker)
    try:
        say(f"registering {plan.nodes} nodes by their first messages")
        await asyncio.to_thread(_expect, generator, "ready")
        await _until_accounted(connection, plan.nodes, _WARM_WITHIN_S)
        pids = {"database": database.pid, "broker": broker.pid, "ingest": ingest_pid, "generator": generator.pid}
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        commits_before = _commits(port)
        say(f"sending for {plan.seconds:g} s")
        began_s = time.monotonic()
        _tell(generator, "go")
        sending = asyncio.ensure_future(asyncio.to_thread(_line, generator))
        while not sending.done():
            committed = await ledger.accounted_total(connection)
            with suppress(BrokenPipeError):  # it may just have ended
                _tell(generator, str(committed))
            await asyncio.wait([sending], timeout=_POLL_S)
        sent = msgspec.json.decode(sending.result(), type=Sent)
        accounted = await _until_accounted(connection, plan.nodes + sent.messages, _DRAINED_WITHIN_S)
        seconds = time.monotonic() - began_s
        used = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
        stored = await samples.count(connection, SampleTable.MEASUREMENTS)
        commits, commit_seconds = [now - then for now, then in zip(_commits(port), commits_before, strict=True)]
    finally:
        _end(generator)
        await connection.close()
    rate = sent.messages / seconds
    return Result(
        plan,
        sent.messages,
        seconds,
        rate,
        rate * plan.samples * plan.readings,
        rate * plan.samples,
        sent.payload_bytes / sent.messages,
        used["ingest"] / sent.messages * 1e6,
        peak_memory_mib(ingest_pid),
        copy_rows_per_s,
        rate * plan.samples / copy_rows_per_s,
        {name: each / seconds for name, each in used.items()},
        sent.messages / max(1.0, commits),
        commit_seconds / max(1.0, commits) * 1000,
        accounted == plan.nodes + sent.messages,
        stored,
        (plan.nodes + sent.messages) * plan.samples,
        os.cpu_count() or 1,
        load_average,
    )


async def _until_accounted(connection: ledger.Connection, expected: int, within_s: float) -> int:
    """Wait until as many numbers are accounted for as were sent; return how many are."""
    deadline_s = time.monotonic() + within_s
    found = 0
    while found < expected and time.monotonic() < deadline_s:
        found = await ledger.accounted_total(connection)
        await asyncio.sleep(_POLL_S)
    return found


def _start_generator(plan: Plan, broker: Broker) -> "subprocess.Popen[bytes]":
    start_ms = SystemClock().now_ms()
    load = Load(
        broker.host,
        broker.port,
        broker.fleet.username,
        broker.fleet.password,
        plan.nodes,
        plan.readings,
        plan.samples,
        plan.seconds,
        plan.window,
        start_ms,
        plan.rate,
    )
    command = [sys.executable, "-m", "siloscope_benchmarks.load"]
    generator = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    _tell(generator, msgspec.json.encode(load).decode())
    return generator


def _end(generator: "subprocess.Popen[bytes]") -> None:
    generator.kill()
    with suppress(BrokenPipeError):
        generator.communicate()


def _tell(generator: "subprocess.Popen[bytes]", line: str) -> None:
    assert generator.stdin is not None
    generator.stdin.write(line.encode() + b"\n")
    generator.stdin.flush()


def _line(generator: "subprocess.Popen[bytes]") -> bytes:
    assert generator.stdout is not None
    line = generator.stdout.readline()
    if not line:
        raise Unavailable("the load generator ended before it was told to")
    return line


def _expect(generator: "subprocess.Popen[bytes]", word: str) -> None:
    if _line(generator).strip() != word.encode():
        raise Unavailable(f"the load generator did not say {word!r}")


def _commits(port: int) -> tuple[float, float]:
    """Return how many transactions ingest has committed, and the seconds that they took together."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    name = "siloscope_ingest_commit_seconds_"
    found = dict(line.split(" ") for line in lines if line.startswith(name) and "{" not in line)
    return float(found[name + "count"]), float(found[name + "sum"])


def _wait_until_ready(ingest: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline_s = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline_s and ingest.poll() is None:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise Unavailable("ingest did not become ready: " + log.read_text("utf-8", "replace")[-500:])
