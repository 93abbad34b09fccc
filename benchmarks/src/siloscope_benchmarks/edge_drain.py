"""How fast an agent brings a backlog of days into a live platform, and what that costs its live samples.

The backlog lies in a real spool, written as the agent writes it in an outage: two packs for each round of readings,
since a round on one line takes longer than the first commit after a pause waits. Then the real agent starts, with the
same devices in its configuration, against a real broker, ingest and database.
"""

import asyncio
import random
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from siloscope_benchmarks import edge_site
from siloscope_benchmarks.edge_site import Site
from siloscope_benchmarks.ingest_bench import copy_speed
from siloscope_benchmarks.parts import (
    Broker,
    Database,
    running_broker,
    running_database,
    running_edge,
    running_ingest,
)
from siloscope_benchmarks.resources import cpu_seconds, in_memory, peak_memory_mib
from siloscope_benchmarks.watching import Latency, Prober, metric, wait_until_ready
from siloscope_contract.packs import Sample
from siloscope_deploy.servers.ports import free_port
from siloscope_edge.config import SpoolLimits
from siloscope_edge.spool import Spool
from siloscope_process.clock import SystemClock
from siloscope_process.errors import Unavailable
from siloscope_store import probes
from siloscope_store.connections import connect_async

GOAL_READINGS_PER_S, GOAL_LIVE_MS = 100_000, 2000
PERIOD_S = 10.0
LIVE, LIVE_PERIOD_S = "live1", 2.5
_PACKS_A_ROUND = 2
_WITHIN_S = 1200
_AFTER_S = 15
_LOOK_EVERY_S = 0.02
_POLL_S = 0.2
_SENT, _OWED = "siloscope_edge_sent_packs_total", "siloscope_edge_owed_packs"


class Plan(msgspec.Struct, frozen=True):
    """What to drain.

    Attributes:
        hours: How long the outage was.
        devices: That were read meanwhile, every 10 s.
        channels: Of each of them.
        database: Where it goes.
    """

    hours: float = 72
    devices: int = 11
    channels: int = 8
    database: str = "timescale"


class DrainResult(msgspec.Struct):
    """What was measured.

    Attributes:
        drained_s: From the first pack that left the outbox to the last that the database committed.
        live_latency: From reading to being visible, while the backlog was drained: the spool's commit included.
        live_latency_after: The same right after it, with no backlog.
        copy_readings_per_s: The database's own limit: plain COPY of such rows.
        met: Of each goal, whether it was met.
    """

    plan: Plan
    backlog_packs: int
    backlog_readings: int
    drained_s: float
    packs_per_s: float
    readings_per_s: float
    share: float
    cpu_us_a_pack: float
    memory_mib: float
    live_latency: Latency | None
    live_latency_after: Latency | None
    copy_readings_per_s: float
    share_of_copy: float
    all_stored: bool
    met: dict[str, bool]


def measure(plan: Plan, environ: Mapping[str, str], say: Callable[[str], None]) -> DrainResult:
    """Start everything, measure, and stop everything.

    Raises:
        Unavailable: Broker or database cannot be had here, or the backlog did not go.
    """
    with (
        running_database(plan.database, environ) as database,
        running_broker("mosquitto") as broker,
        TemporaryDirectory() as folder,
    ):
        return asyncio.run(_Drain(plan, database, broker, Path(folder), environ, say).result())


def table(result: DrainResult) -> str:
    """Return the result for people."""
    lines = [
        f"{result.readings_per_s:,.0f} readings/s = {result.packs_per_s:,.0f} packs/s of a backlog of "
        f"{result.backlog_readings:,} readings in {result.backlog_packs:,} packs, in {result.drained_s:.1f} s",
        f"  limit: COPY of the same rows {result.copy_readings_per_s:,.0f} readings/s; "
        f"{result.share_of_copy:.0%} of it",
        f"  the agent: {result.share:.0%} of a core, {result.cpu_us_a_pack:.0f} µs a pack, {result.memory_mib:.0f} MiB",
        f"  all stored: {'yes' if result.all_stored else 'NO'}",
    ]
    for name, found in (("meanwhile", result.live_latency), ("afterwards", result.live_latency_after)):
        if found is not None:
            lines.append(
                f"  live samples {name}, from reading to visible: p50 {found.p50_ms:,.0f} ms, "
                f"at most {found.most_ms:,.0f} ms ({found.samples} samples)"
            )
    lines += [f"  goal {name}: {'met' if met else 'NOT MET'}" for name, met in result.met.items()]
    return "\n".join(lines)


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

    async def result(self) -> DrainResult:
        plan = self._plan
        self._say("copying rows, for comparison")
        copied = await copy_speed(self._database, plan.devices, plan.channels) * plan.channels
        self._say(f"spooling {plan.hours:g} hours")
        end_ms = SystemClock().now_ms()
        packs, rows = await asyncio.to_thread(spool_backlog, plan, self._folder / "data", end_ms)
        site = Site(plan.devices + 1, plan.channels, 50, PERIOD_S)
        port, log = free_port(), self._folder / "ingest.log"
        with (
            edge_site.answering(site) as ports,
            running_ingest(self._database, self._broker, port, self._environ, log) as ingest,
        ):
            wait_until_ready(ingest, port, log)
            edge_port = free_port()
            config = edge_site.write(site, ports, self._broker, edge_port, self._folder, [LIVE_PERIOD_S])
            meanwhile, after = (Prober(self._database.url, LIVE, 1, _LOOK_EVERY_S) for _ in range(2))
            edge_log = self._folder / "edge.log"
            with running_edge(config, self._environ, edge_log) as edge:
                probing = asyncio.ensure_future(meanwhile.run())
                began_s = await self._until(edge_port, lambda sent, owed: sent > 0, edge_log)
                used_s = cpu_seconds(edge.pid)
                self._say("draining")
                drained_s = await self._until(edge_port, lambda sent, owed: owed < packs // 200, edge_log) - began_s
                used_s = cpu_seconds(edge.pid) - used_s
                await _ended(probing)
                probing = asyncio.ensure_future(after.run())
                await asyncio.sleep(_AFTER_S)
                await _ended(probing)
                memory_mib = peak_memory_mib(edge.pid)
        readings = rows * plan.channels
        found = meanwhile.latency()
        rate = readings / drained_s
        stored = await self._stored(end_ms)
        return DrainResult(
            plan=plan,
            backlog_packs=packs,
            backlog_readings=readings,
            drained_s=drained_s,
            packs_per_s=packs / drained_s,
            readings_per_s=rate,
            share=used_s / drained_s,
            cpu_us_a_pack=used_s / packs * 1e6,
            memory_mib=memory_mib,
            live_latency=found,
            live_latency_after=after.latency(),
            copy_readings_per_s=copied,
            share_of_copy=rate / copied,
            all_stored=stored == rows,
            met={
                "rate": rate >= GOAL_READINGS_PER_S,
                "live": found is not None and found.most_ms <= GOAL_LIVE_MS,
                "nothing_lost": stored == rows,
            },
        )

    async def _until(self, port: int, reached: Callable[[float, float], bool], log: Path) -> float:
        """Wait until the agent's metrics show something; return when."""
        deadline_s = time.monotonic() + _WITHIN_S
        while time.monotonic() < deadline_s:
            with suppress(OSError):
                sent, owed = await asyncio.to_thread(metric, port, _SENT, _OWED)
                if reached(sent, owed):
                    return time.monotonic()
            await asyncio.sleep(_POLL_S)
        told = await asyncio.to_thread(log.read_text, "utf-8", "replace")
        raise Unavailable("the backlog did not go: " + told[-500:])

    async def _stored(self, before_ms: int) -> int:
        """Return how many samples of the outage are stored."""
        connection = await connect_async(self._database.url, autocommit=True)
        try:
            return await probes.stored_before(connection, before_ms)
        finally:
            await connection.close()


def spool_backlog(plan: Plan, directory: Path, now_ms: int) -> tuple[int, int]:
    """Write the spool of an agent that could not send for so long; return how many packs and samples are in it.

    Written in memory, where there is such a place, and then moved: each of its commits waits for the disk.
    """
    chance = random.Random(1)
    names, units = tuple(f"t{at}" for at in range(plan.channels)), ("Cel",) * plan.channels
    now_c = [[round(chance.uniform(5, 25), 1) for _ in names] for _ in range(plan.devices)]
    rounds = int(plan.hours * 3600 / PERIOD_S)
    packs = 0
    with TemporaryDirectory(dir=in_memory()) as memory:
        spool = Spool(Path(memory), SpoolLimits(), now_ms - round(plan.hours * 3_600_000))
        for turn in range(rounds):
            at_ms = now_ms - round((rounds - turn) * PERIOD_S * 1000)
            found = []
            for device, values in enumerate(now_c):
                values[:] = [round(value + chance.choice((0, 0, 0, 0.1, -0.1)), 1) for value in values]
                found.append(Sample(f"d{device}", at_ms, names, units, [*values], [0] * len(names)))
            half = len(found) // _PACKS_A_ROUND
            for part in (found[:half], found[half:]):
                first, end = spool.write(part, [], at_ms).spooled
                packs += end - first
        spool.close(now_ms)
        shutil.copytree(memory, directory)
    return packs, rounds * plan.devices


async def _ended(task: "asyncio.Future[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
