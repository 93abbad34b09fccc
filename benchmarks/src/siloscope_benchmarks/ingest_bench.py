"""How many messages a second go all the way: broker, ingest, committed in the database, acknowledged.

Everything runs on this machine: load generator, broker, ingest, database. The limits that stand beside the figure come
from the same run: plain COPY of the same rows into an empty table of the same kind, and what the broker delivers to a
subscriber that only counts.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from siloscope_benchmarks.disk import DiskProber
from siloscope_benchmarks.fleet import DEVICE, Fleet, Form
from siloscope_benchmarks.load import Load, Phase, Sent
from siloscope_benchmarks.parts import (
    Broker,
    Database,
    running_broker,
    running_database,
    running_ingest,
    running_jobs,
)
from siloscope_benchmarks.resources import cpu_seconds, peak_memory_mib
from siloscope_benchmarks.watching import (
    CountingSubscriber,
    Latency,
    LoadGenerator,
    Prober,
    counting,
    metric,
    wait_until_ready,
)
from siloscope_deploy.servers.ports import free_port
from siloscope_process.clock import SystemClock
from siloscope_store import ledger, mass_registration, probes, registry, samples
from siloscope_store.connections import connect_async
from siloscope_store.samples import SPAN_MS, SampleTable

_POLL_S = 0.2
_WARM_WITHIN_S = 900
_DRAINED_WITHIN_S = 300
_LAG_EVERY_S = 10
_COPIED_ROWS = 200_000
_COPIED_AT_ONCE = 20_000
MESSAGES = "siloscope_ingest_messages_total"
_COMMITS, _COMMIT_SECONDS = "siloscope_ingest_commit_seconds_count", "siloscope_ingest_commit_seconds_sum"
_MARK_AGE_S = "siloscope_ingest_watermark_age_seconds"
_ROLLUP_LAG_S = "siloscope_rollup_lag_seconds"


class Plan(msgspec.Struct, frozen=True):
    """What to measure.

    Attributes:
        rate: Messages a second; 0 = as many as go.
        jobs: Whether `siloscope jobs` runs beside it, for nodes that announced themselves.
        broker_seconds: How long the broker alone is measured; 0 = not at all.
    """

    seconds: float
    nodes: int
    readings: int
    samples: int
    window: int
    rate: float
    broker: str
    database: str
    form: Form = Form.NUMBERED
    jobs: bool = False
    broker_seconds: float = 5


class Result(msgspec.Struct):
    """What was measured; a second of CPU is one core for one second.

    Attributes:
        latency: From publishing to being visible, where there is a rate.
        disk: How long the same disk took meanwhile to keep a page, which is a limit of that.
    """

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
    broker_messages_per_s: float
    share_of_broker: float
    cpu_share: dict[str, float]
    messages_per_commit: float
    commit_ms: float
    latency: Latency | None
    disk: Latency | None
    watermark_age_s: float
    registration_s: float
    rollup_lag_s: list[tuple[float, float]]
    all_accounted: bool
    rows_stored: int
    rows_expected: int
    conflicts: int
    cores: int
    load_average_before: float


def measure(plan: Plan, environ: Mapping[str, str], say: Callable[[str], None]) -> Result:
    """Start everything, measure, and stop everything.

    Raises:
        Unavailable: Broker or database cannot be had here, or a service did not become ready.
    """
    load_average = os.getloadavg()[0]
    with ExitStack() as stack:
        database = stack.enter_context(running_database(plan.database, environ))
        broker = stack.enter_context(running_broker(plan.broker))
        folder = Path(stack.enter_context(TemporaryDirectory()))
        say("copying rows, for comparison")
        copy_rows_per_s = asyncio.run(copy_speed(database, plan.nodes, plan.readings))
        delivered_per_s = 0.0
        if plan.broker_seconds:
            say("counting what the broker delivers, for comparison")
            with counting(broker) as subscriber:
                delivered_per_s = asyncio.run(_delivered(plan, broker, subscriber))
        port, log = free_port(), folder / "ingest.log"
        ingest = stack.enter_context(running_ingest(database, broker, port, environ, log))
        wait_until_ready(ingest, port, log)
        pids = {"database": database.pid, "broker": broker.pid, "ingest": ingest.pid}
        jobs_port = 0
        if plan.jobs:
            say("announcing nodes that report every 10 s")
            asyncio.run(_announce(database, Fleet(plan.nodes, plan.readings)))
            jobs_port = free_port()
            pids["jobs"] = stack.enter_context(running_jobs(database, jobs_port, environ, folder / "jobs.log")).pid
        result = asyncio.run(_Run(plan, database, broker, pids, port, jobs_port, folder, say).result())
    result.copy_rows_per_s, result.share_of_copy = copy_rows_per_s, result.samples_per_s / copy_rows_per_s
    result.broker_messages_per_s = delivered_per_s
    result.share_of_broker = result.messages_per_s / delivered_per_s if delivered_per_s else 0.0
    result.load_average_before = load_average
    return result


async def copy_speed(database: Database, nodes: int, readings: int) -> float:
    """Return rows a second of plain COPY, in transactions of as many rows as a large batch has."""
    start_ms = SystemClock().now_ms() // SPAN_MS * SPAN_MS
    rows = Fleet(nodes, readings).rows(_COPIED_ROWS, start_ms)
    connection = await connect_async(database.url, autocommit=True)
    try:
        await samples.make_room(connection, SampleTable.VITALS, [start_ms // SPAN_MS])
        began_s = time.monotonic()
        for at in range(0, len(rows), _COPIED_AT_ONCE):
            await samples.copy_directly(connection, SampleTable.VITALS, rows[at : at + _COPIED_AT_ONCE])
        return len(rows) / (time.monotonic() - began_s)
    finally:
        await connection.close()


def load_of(plan: Plan, broker: Broker) -> Load:
    """Return what the generator is told."""
    return Load(
        broker.host,
        broker.port,
        broker.fleet.username,
        broker.fleet.password,
        plan.nodes,
        plan.readings,
        plan.samples,
        plan.window,
        form=plan.form,
    )


async def _announce(database: Database, fleet: Fleet) -> None:
    """Register all nodes as agents that announced their device: only such have roll-ups of five minutes.

    Not over the broker: the fleet's credential is that of a site's plain devices, who announce nothing.
    """
    connection = await connect_async(database.url, autocommit=True)
    try:
        names = [fleet.name(node) for node in range(fleet.nodes)]
        await mass_registration.register_new(connection, "agent", {name: {} for name in names})
        async with connection.transaction():
            for node in await registry.find_nodes(connection, names):
                await registry.register_birth(connection, node.node_id, fleet.device())
    finally:
        await connection.close()


async def _delivered(plan: Plan, broker: Broker, subscriber: CountingSubscriber) -> float:
    """Return messages a second that the broker delivers to the subscriber."""
    generator = LoadGenerator(load_of(plan, broker))
    try:
        await generator.ready()
        while await subscriber.follow() < plan.nodes:
            pass
        generator.tell_committed(plan.nodes)
        began_s = time.monotonic()
        sending = asyncio.ensure_future(generator.run(Phase(plan.broker_seconds)))
        while not sending.done():
            generator.tell_committed(await subscriber.follow())
        sent = sending.result().messages + plan.nodes
        while await subscriber.follow() < sent and time.monotonic() - began_s < 10 * plan.broker_seconds:
            pass
        return (subscriber.count - plan.nodes) / (time.monotonic() - began_s)
    finally:
        generator.end()


class _Run:
    """One measurement against running parts."""

    def __init__(
        self,
        plan: Plan,
        database: Database,
        broker: Broker,
        pids: dict[str, int],
        port: int,
        jobs_port: int,
        folder: Path,
        say: Callable[[str], None],
    ) -> None:
        self._plan, self._database, self._broker = plan, database, broker
        self._pids, self._port, self._jobs_port, self._folder, self._say = pids, port, jobs_port, folder, say
        self._mark_age_s = 0.0
        self._lag_s: list[tuple[float, float]] = []

    async def result(self) -> Result:
        plan = self._plan
        generator = LoadGenerator(load_of(plan, self._broker))
        try:
            self._say(f"registering {plan.nodes} nodes")
            began_s = time.monotonic()
            await generator.ready()
            warm = await self._until_committed(plan.nodes, _WARM_WITHIN_S)
            registration_s = time.monotonic() - began_s
            generator.tell_committed(warm)
            return await self._measured(generator, warm, registration_s)
        finally:
            generator.end()

    async def _measured(self, generator: LoadGenerator, warm: int, registration_s: float) -> Result:
        plan = self._plan
        pids = {**self._pids, "generator": generator.pid}
        prober, disk = Prober(self._database.url, DEVICE), DiskProber(self._folder)
        probing: list[asyncio.Future[None]] = []
        if plan.rate and plan.samples == 1 and not plan.jobs:
            probing = [asyncio.ensure_future(prober.run()), asyncio.ensure_future(disk.run())]
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        commits_before = metric(self._port, _COMMITS, _COMMIT_SECONDS)
        self._say(f"sending for {plan.seconds:g} s")
        began_s = time.monotonic()
        sent = await self._send(generator, began_s)
        committed = await self._until_committed(warm + sent.messages, _DRAINED_WITHIN_S)
        seconds = time.monotonic() - began_s
        used = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
        for each in probing:
            each.cancel()
            with suppress(asyncio.CancelledError):
                await each
        commits, commit_s = (
            now - then for now, then in zip(metric(self._port, _COMMITS, _COMMIT_SECONDS), commits_before, strict=True)
        )
        rate = sent.messages / seconds
        stored, conflicts, accounted = await self._stored(committed)
        expected = plan.nodes + sent.messages
        return Result(
            plan=plan,
            messages=sent.messages,
            seconds=seconds,
            messages_per_s=rate,
            readings_per_s=rate * plan.samples * plan.readings,
            samples_per_s=rate * plan.samples,
            payload_bytes_per_message=sent.payload_bytes / max(1, sent.messages),
            consumer_cpu_us_per_message=used["ingest"] / max(1, sent.messages) * 1e6,
            consumer_peak_memory_mib=peak_memory_mib(self._pids["ingest"]),
            copy_rows_per_s=0.0,
            share_of_copy=0.0,
            broker_messages_per_s=0.0,
            share_of_broker=0.0,
            cpu_share={name: each / seconds for name, each in used.items()},
            messages_per_commit=sent.messages / max(1.0, commits),
            commit_ms=commit_s / max(1.0, commits) * 1000,
            latency=prober.latency(),
            disk=disk.latency(),
            watermark_age_s=self._mark_age_s,
            registration_s=registration_s,
            rollup_lag_s=self._lag_s,
            all_accounted=accounted == expected,
            rows_stored=stored,
            rows_expected=expected * plan.samples,
            conflicts=conflicts,
            cores=os.cpu_count() or 1,
            load_average_before=0.0,
        )

    async def _send(self, generator: LoadGenerator, began_s: float) -> Sent:
        """Have the generator send, telling it what is committed, and look at ages and lags meanwhile."""
        sending = asyncio.ensure_future(generator.run(Phase(self._plan.seconds, self._plan.rate)))
        looked_s = began_s
        while not sending.done():
            committed, mark_age_s = await asyncio.to_thread(metric, self._port, MESSAGES, _MARK_AGE_S)
            generator.tell_committed(int(committed))
            self._mark_age_s = max(self._mark_age_s, mark_age_s)
            if self._jobs_port and time.monotonic() - looked_s > _LAG_EVERY_S:
                looked_s = time.monotonic()
                with suppress(OSError):
                    (lag_s,) = await asyncio.to_thread(metric, self._jobs_port, _ROLLUP_LAG_S)
                    self._lag_s.append((round(looked_s - began_s, 1), round(lag_s, 1)))
            await asyncio.wait([sending], timeout=_POLL_S)
        return sending.result()

    async def _until_committed(self, expected: int, within_s: float) -> int:
        """Wait until ingest has settled as many messages as were sent; return how many it has."""
        deadline_s = time.monotonic() + within_s
        found = 0
        while found < expected and time.monotonic() < deadline_s:
            found = int((await asyncio.to_thread(metric, self._port, MESSAGES))[0])
            await asyncio.sleep(_POLL_S / 10)
        return found

    async def _stored(self, committed: int) -> tuple[int, int, int]:
        """Return rows, second values kept beside the first, and messages accounted for: plain ones have no numbers."""
        connection = await connect_async(self._database.url, autocommit=True)
        try:
            rows = await samples.count(connection, SampleTable.MEASUREMENTS)
            conflicts = await probes.conflicts(connection)
            if self._plan.form is Form.NUMBERED:
                return rows, conflicts, await ledger.accounted_total(connection)
            return rows, conflicts, committed
        finally:
            await connection.close()
