"""How long a round of all rules takes over all channels, and how long a reading needs to become an email.

The database is real, the evaluator is the one of `siloscope alerting`, pinned to one core; in each measured round every
channel has a new reading. Beside it stands what SQL alone takes for the same newest values.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from statistics import median

import msgspec
from prometheus_client import CollectorRegistry

from siloscope_alerting.engine.evaluation import Engine
from siloscope_alerting.notify.decisions import incidents_of, routes_for
from siloscope_alerting.watch.database_watch import DatabaseWatch
from siloscope_alerting.watch.lease import Lease
from siloscope_alerting.watch.loop import EvaluatorLoop
from siloscope_alerting.watch.metrics import WatchMetrics
from siloscope_benchmarks.alert_latency import AlertLatency, measure_latency
from siloscope_benchmarks.fleet import ORGANISATION
from siloscope_benchmarks.parts import Database, running_database
from siloscope_benchmarks.resources import peak_memory_mib
from siloscope_contract.alerts.conditions import Threshold
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.selectors import Selector
from siloscope_process.clock import SystemClock
from siloscope_store import alert_rules, history
from siloscope_store.connections import Connected, async_pool, connect_async
from siloscope_store.history import Site

CHANNELS_A_NODE = 20
INTERVAL_S = 60.0
_HARMLESS, _LEVEL = 20.5, 60.0
_TARGET_ROUND_S, _TARGET_RATIO, _TARGET_LATENCY_P99_S = 1.0, 10.0, 2.0
_SHARE = 100


class Plan(msgspec.Struct, frozen=True):
    """What to build and measure.

    Attributes:
        channels: At the last size.
        rules: One of them matches all channels, each other one 1 %.
        growth: Measure at a hundredth and a tenth of the channels as well.
        rounds: Measured ones of each size.
        latency: Emails to measure; 0 = none.
        ingest_rate: Messages a second of ingest beside them.
    """

    channels: int
    rules: int
    growth: bool
    rounds: int
    latency: int
    ingest_rate: float
    database: str


class Parts(msgspec.Struct, frozen=True):
    """Median milliseconds of the parts of a round."""

    feed_ms: float
    engine_ms: float
    keep_ms: float


class Rounds(msgspec.Struct, frozen=True):
    """Rounds at one size.

    Attributes:
        arrange_s: Taking channels and rules anew, once.
        idle_ms: A round in which nothing is new.
        scan_ms: SQL alone counts the same values within the server.
        read_ms: SQL alone hands the same values to a reader, a row each.
        share_of_scan, share_of_read: The slowest round, in these.
    """

    channels: int
    rules: int
    subjects: int
    arrange_s: float
    median_ms: float
    slowest_ms: float
    parts: Parts
    idle_ms: float
    scan_ms: float
    read_ms: float
    share_of_scan: float
    share_of_read: float
    peak_memory_mib: float


class Result(msgspec.Struct):
    """What was measured; `met` names each target."""

    plan: Plan
    cores: int
    rounds: list[Rounds]
    latency: AlertLatency | None
    met: dict[str, bool]


def measure(plan: Plan, environ: Mapping[str, str], say: Callable[[str], None]) -> Result:
    """Build, evaluate, and see emails arrive.

    Raises:
        Unavailable: Broker or database cannot be had here.
    """
    sizes = [plan.channels // 100, plan.channels // 10, plan.channels] if plan.growth else [plan.channels]
    measured = []
    for size in sizes:
        with running_database(plan.database, environ) as database:
            say(f"{size:,} channels, {plan.rules:,} rules")
            measured.append(asyncio.run(_rounds(plan, size, database)))
    latency = None
    if plan.latency:
        say(f"{plan.latency} emails beside {plan.ingest_rate:,.0f} messages/s")
        latency = measure_latency(plan.latency, plan.ingest_rate, plan.database, environ)
    last = measured[-1]
    met = {
        "round": last.slowest_ms < _TARGET_ROUND_S * 1000,
        "share_of_scan": last.share_of_scan <= _TARGET_RATIO,
        "share_of_read": last.share_of_read <= _TARGET_RATIO,
    }
    if latency is not None:
        met["latency"] = latency.p99_s < _TARGET_LATENCY_P99_S and latency.mails == latency.alerts
    return Result(plan, os.cpu_count() or 1, measured, latency, met)


def rules(count: int) -> list[Rule]:
    """Return rules of which the first matches everything, and each other one the nodes of one hundredth."""
    hundredths = [
        Rule(
            rule=f"some-{number:03d}",
            name=f"Some {number}",
            condition=Threshold(above=_LEVEL + number / 100),
            select=Selector(nodes=(f"*{number % _SHARE:02d}",)),
        )
        for number in range(1, count)
    ]
    return [Rule(rule="all", name="All", condition=Threshold(above=_LEVEL, clear=_LEVEL - 2)), *hundredths]


def table(result: Result) -> str:
    """Return the result for people."""
    lines = []
    for each in result.rounds:
        lines += [
            f"{each.channels:,} channels, {each.rules} rules, {each.subjects:,} subjects: a round in "
            f"{each.median_ms:.0f} ms (slowest {each.slowest_ms:.0f} ms)",
            f"  feed {each.parts.feed_ms:.0f} ms, engine {each.parts.engine_ms:.0f} ms, "
            f"keep {each.parts.keep_ms:.0f} ms; nothing new: {each.idle_ms:.1f} ms; "
            f"arranging once {each.arrange_s:.1f} s",
            f"  limit: SQL within the server {each.scan_ms:.0f} ms, {each.share_of_scan:.1f} times that; "
            f"SQL to a reader {each.read_ms:.0f} ms, {each.share_of_read:.1f} times that",
            f"  {each.peak_memory_mib:.0f} MiB at most",
        ]
    if result.latency is not None:
        found = result.latency
        lines.append(
            f"commit to mail server: p50 {found.p50_s:.2f} s, p99 {found.p99_s:.2f} s, at most {found.most_s:.2f} s; "
            f"{found.mails} of {found.alerts} beside {found.ingest_messages_per_s:,.0f} messages/s"
        )
        lines.append(
            f"  judged after {found.judged.p50_s:.2f} s ({found.judged.p99_s:.2f} s at 99 %), "
            f"message claimed after {found.claimed.p50_s:.2f} s ({found.claimed.p99_s:.2f} s)"
        )
    lines.append(", ".join(f"{name} {'met' if met else 'MISSED'}" for name, met in result.met.items()))
    return "\n".join(lines)


class _Timed:
    """Sums what parts of a round take."""

    def __init__(self) -> None:
        self.took_ms: dict[str, float] = {}

    def wrap(self, owner: object, name: str) -> None:
        """Time the calls of a method, also of one that is awaited."""
        inner = getattr(owner, name)

        async def awaited(*arguments: object) -> object:
            began_s = time.perf_counter()
            try:
                return await inner(*arguments)
            finally:
                self._add(name, began_s)

        def called(*arguments: object) -> object:
            began_s = time.perf_counter()
            try:
                return inner(*arguments)
            finally:
                self._add(name, began_s)

        setattr(owner, name, awaited if asyncio.iscoroutinefunction(inner) else called)

    def _add(self, name: str, began_s: float) -> None:
        self.took_ms[name] = self.took_ms.get(name, 0.0) + (time.perf_counter() - began_s) * 1000

    def take(self) -> dict[str, float]:
        found, self.took_ms = self.took_ms, {}
        return found


async def _rounds(plan: Plan, channels: int, database: Database) -> Rounds:
    clock = SystemClock()
    nodes = max(channels // CHANNELS_A_NODE, 1)
    async with (
        await connect_async(database.url, autocommit=True) as connection,
        async_pool(database.url, application_name="siloscope bench", min_size=1, max_size=4) as pool,
    ):
        group_ids = await build(connection, nodes, rules(plan.rules), clock.now())
        lease = Lease(pool, "bench", clock)
        term = await lease.hold()
        watch, engine = DatabaseWatch(pool, term, clock, asyncio.Event(), routes_for, incidents_of), Engine()
        timed = _Timed()
        for owner, name in ((watch, "news"), (engine, "round"), (watch, "keep"), (engine, "arrange")):
            timed.wrap(owner, name)
        loop = EvaluatorLoop(watch, engine, clock, WatchMetrics(CollectorRegistry()))
        with _on_one_core():
            await watch.begin()
            await loop.turn()
            arrange_s = timed.take()["arrange"] / 1000
            parts: list[dict[str, float]] = []
            subjects = 0
            for _ in range(plan.rounds):
                await history.set_latest(connection, group_ids, CHANNELS_A_NODE, clock.now(), _HARMLESS)
                outcome = await loop.turn()
                subjects = int(outcome.facts["subjects"])
                parts.append(timed.take())
            await loop.turn()
            timed.take()
            await loop.turn()
            idle = timed.take()
            scan_ms = await _median_ms(plan.rounds, lambda: history.scan_latest(connection))
            read_ms = await _median_ms(plan.rounds, lambda: history.read_latest(connection))
        await lease.release()
    sums = [sum(each[name] for name in ("news", "round", "keep")) for each in parts]
    return Rounds(
        nodes * CHANNELS_A_NODE,
        plan.rules,
        subjects,
        arrange_s,
        median(sums),
        max(sums),
        Parts(*(median(each[name] for each in parts) for name in ("news", "round", "keep"))),
        sum(idle[name] for name in ("news", "round", "keep")),
        scan_ms,
        read_ms,
        max(sums) / scan_ms,
        max(sums) / read_ms,
        peak_memory_mib(os.getpid()),
    )


async def build(connection: Connected, nodes: int, wanted: Sequence[Rule], at: datetime) -> list[int]:
    """Add a site with nodes of 20 channels each, their newest readings, and rules; return the groups."""
    site = Site(ORGANISATION, "alerts", "a")
    org_id, _ = await history.add_site(connection, site)
    group_ids = await history.add_devices(connection, site, nodes, CHANNELS_A_NODE, INTERVAL_S)
    await history.set_latest(connection, group_ids, CHANNELS_A_NODE, at - timedelta(seconds=1), _HARMLESS)
    await history.analyze(connection)
    await alert_rules.apply(connection, org_id, wanted, author="bench", origin="file")
    return group_ids


async def _median_ms(times: int, ask: Callable[[], Awaitable[int]]) -> float:
    took_ms = []
    for _ in range(times):
        began_s = time.perf_counter()
        await ask()
        took_ms.append((time.perf_counter() - began_s) * 1000)
    return median(took_ms)


@contextmanager
def _on_one_core() -> Iterator[None]:
    """Keep this process to one core; the database, which began before, has them all."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
