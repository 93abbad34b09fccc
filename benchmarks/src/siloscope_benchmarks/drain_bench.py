"""How fast a backlog goes, and how long what is new waits meanwhile.

Edges hold the backlog in their spools, as they do: while ingest is down each sends what its window of uncommitted packs
holds, which waits in the broker; the rest follows as watermarks allow, beside live samples, which go first. The steady
rate that it is compared with is measured before, in the same run, with messages of the same kind.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from siloscope_benchmarks.fleet import LIVE_DEVICE
from siloscope_benchmarks.ingest_bench import MESSAGES, Plan, copy_speed, load_of
from siloscope_benchmarks.load import Load, Phase, Sent
from siloscope_benchmarks.parts import Broker, Database, running_broker, running_database, running_ingest
from siloscope_benchmarks.resources import peak_memory_mib
from siloscope_benchmarks.watching import Latency, LoadGenerator, Prober, metric, wait_until_ready
from siloscope_deploy.servers.ports import free_port
from siloscope_process.clock import SystemClock
from siloscope_store import ledger
from siloscope_store.connections import connect_async

EDGE_WINDOW = 1000
"""Packs that an edge sends and does not know to be committed, as it is set by default."""

_POLL_S = 0.1
_LOOK_EVERY_S = 0.05
"""Often enough for a wait of up to two seconds; looking takes time from what is measured."""
_WITHIN_S = 3600
_DAY_MS = 86_400_000


class DrainResult(msgspec.Struct):
    """What was measured."""

    plan: Plan
    backlog_messages: int
    backlog_readings: int
    waited_in_broker: int
    drained_s: float
    drained_messages_per_s: float
    drained_readings_per_s: float
    steady_messages_per_s: float
    share_of_steady: float
    live_messages: int
    live_latency: Latency | None
    copy_rows_per_s: float
    consumer_peak_memory_mib: float
    all_accounted: bool
    cores: int
    load_average_before: float


def measure(
    plan: Plan, readings: int, live_rate: float, environ: Mapping[str, str], say: Callable[[str], None]
) -> DrainResult:
    """Start everything, measure, and stop everything.

    Args:
        plan: What kind of messages; `seconds` is how long the steady rate is measured.
        readings: How large the backlog is.
        live_rate: New messages a second meanwhile, of all nodes together.
        environ: Environment variables.
        say: Told what happens.

    Raises:
        Unavailable: Broker or database cannot be had here, or ingest did not become ready.
    """
    with (
        running_database(plan.database, environ) as database,
        running_broker(plan.broker) as broker,
        TemporaryDirectory() as folder,
    ):
        return asyncio.run(_Drain(plan, database, broker, Path(folder), environ, say).result(readings, live_rate))


class _Drain:
    def __init__(
        self,
        plan: Plan,
        database: Database,
        broker: Broker,
        folder: Path,
        environ: Mapping[str, str],
        say: Callable[[str], None],
    ) -> None:
        self._plan, self._database, self._broker = plan, database, broker
        self._folder, self._environ, self._say = folder, environ, say
        self._committed_before = 0

    async def result(self, readings: int, live_rate: float) -> DrainResult:
        plan = self._plan
        load_average = os.getloadavg()[0]
        self._say("copying rows, for comparison")
        copy_rows_per_s = await copy_speed(self._database, plan.nodes, plan.readings)
        load: Load = load_of(plan, self._broker)
        load.uncommitted = EDGE_WINDOW * plan.nodes
        load.backlog_from_ms = SystemClock().now_ms() - 30 * _DAY_MS
        backlog = -(-readings // (plan.readings * plan.samples))
        generator, steady_per_s = await self._steady(load)
        try:
            self._say("ingest is down: the edges fill their windows")
            filled = await generator.run(Phase(backlog=backlog, fill=True))
            self._say(f"{filled.messages:,} messages wait in the broker; ingest starts")
            return await self._drained(
                generator, backlog, filled, live_rate, (steady_per_s, copy_rows_per_s, load_average)
            )
        finally:
            generator.end()

    async def _steady(self, load: Load) -> tuple[LoadGenerator, float]:
        """Return a generator and the messages a second that are committed of as many as go; ingest runs meanwhile."""
        port, log = free_port(), self._folder / "steady.log"
        with running_ingest(self._database, self._broker, port, self._environ, log) as ingest:
            wait_until_ready(ingest, port, log)
            generator = LoadGenerator(load)  # only now: a broker keeps nothing for a session that never was
            try:
                await generator.ready()
                generator.tell_committed(await self._until(port, self._plan.nodes))
                self._say(f"sending for {self._plan.seconds:g} s, for comparison")
                began_s = time.monotonic()
                sent = await self._told(port, generator, Phase(self._plan.seconds))
                await self._until(port, self._plan.nodes + sent.messages)
                self._committed_before = self._plan.nodes + sent.messages
                generator.tell_committed(self._committed_before)
                return generator, sent.messages / (time.monotonic() - began_s)
            except BaseException:
                generator.end()
                raise

    async def _drained(
        self,
        generator: LoadGenerator,
        backlog: int,
        filled: Sent,
        live_rate: float,
        compared: tuple[float, float, float],
    ) -> DrainResult:
        plan = self._plan
        steady_per_s, copy_rows_per_s, load_average = compared
        port, log = free_port(), self._folder / "drain.log"
        prober = Prober(self._database.url, LIVE_DEVICE, every_s=_LOOK_EVERY_S)
        with running_ingest(self._database, self._broker, port, self._environ, log) as ingest:
            wait_until_ready(ingest, port, log)
            began_s = time.monotonic()
            probing = asyncio.ensure_future(prober.run())
            phase = Phase(_WITHIN_S, backlog=backlog - filled.messages, live_rate=live_rate)
            sent = await self._told(port, generator, phase) if phase.backlog else Sent(0, 0, 0)
            messages = filled.messages + sent.messages + sent.live
            await self._until(port, self._committed_before + messages)
            drained_s = time.monotonic() - began_s
            memory_mib = peak_memory_mib(ingest.pid)
            probing.cancel()
            with suppress(asyncio.CancelledError):
                await probing
        connection = await connect_async(self._database.url, autocommit=True)
        try:
            accounted = await ledger.accounted_total(connection)
        finally:
            await connection.close()
        rate = backlog / drained_s
        return DrainResult(
            plan=plan,
            backlog_messages=backlog,
            backlog_readings=backlog * plan.readings * plan.samples,
            waited_in_broker=filled.messages,
            drained_s=drained_s,
            drained_messages_per_s=rate,
            drained_readings_per_s=rate * plan.readings * plan.samples,
            steady_messages_per_s=steady_per_s,
            share_of_steady=rate / steady_per_s,
            live_messages=sent.live,
            live_latency=prober.latency(),
            copy_rows_per_s=copy_rows_per_s,
            consumer_peak_memory_mib=memory_mib,
            all_accounted=accounted == self._committed_before + messages,
            cores=os.cpu_count() or 1,
            load_average_before=load_average,
        )

    async def _told(self, port: int, generator: LoadGenerator, phase: Phase) -> Sent:
        """Have the generator carry out a phase, telling it what is committed."""
        sending = asyncio.ensure_future(generator.run(phase))
        while not sending.done():
            generator.tell_committed(await self._committed(port))
            await asyncio.wait([sending], timeout=_POLL_S)
        return sending.result()

    async def _until(self, port: int, expected: int) -> int:
        found = 0
        deadline_s = time.monotonic() + _WITHIN_S
        while found < expected and time.monotonic() < deadline_s:
            found = await self._committed(port)
            await asyncio.sleep(_POLL_S / 10)
        return found

    async def _committed(self, port: int) -> int:
        """Return how many messages are committed, of this start of ingest and of the one before."""
        (found,) = await asyncio.to_thread(metric, port, MESSAGES)
        return self._committed_before + int(found)
