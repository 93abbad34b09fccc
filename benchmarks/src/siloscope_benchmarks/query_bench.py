"""How long charts and newest values take to read from years of history, alone and beside ingest.

The history is built by the server: samples every minute up to now, as many as were asked for or as time allows, and
hours and days. They are read by the functions that the API calls.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import msgspec

from siloscope_benchmarks.fleet import ORGANISATION
from siloscope_benchmarks.ingest_bench import MESSAGES
from siloscope_benchmarks.load import Load, Phase
from siloscope_benchmarks.parts import Database, running_broker, running_database, running_ingest
from siloscope_benchmarks.watching import LoadGenerator, metric, wait_until_ready
from siloscope_deploy.servers.ports import free_port
from siloscope_process.clock import SystemClock
from siloscope_store import history
from siloscope_store.channels import ChannelFilter, channels
from siloscope_store.connections import connect_async
from siloscope_store.history import Site
from siloscope_store.rollups import checking
from siloscope_store.series import channel_series

_SITES, _DEVICES_A_SITE, _CHANNELS = 100, 10, 20
_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_CHARTS = {"24 hours": (_DAY, 500), "30 days": (30 * _DAY, 1000), "2 years": (730 * _DAY, 1000)}
_LATEST = "latest of 200 channels"
_TARGETS_MS = {**dict.fromkeys(_CHARTS, 50.0), _LATEST: 20.0}
_CHECKED = timedelta(hours=30)


class Plan(msgspec.Struct, frozen=True):
    """What to build and ask.

    Attributes:
        readings: Sizes to measure at, ascending; the last is what is built where time allows.
        build_minutes: Building ends then, whatever is there.
        hour_days: So far back go roll-ups of hours; those of days go two years back.
        queries: How many of each kind.
        ingest_rate: Messages of 20 readings a second beside the last measurement; 0 = none.
    """

    readings: list[float]
    build_minutes: float
    hour_days: int
    queries: int
    ingest_rate: float
    database: str


class Times(msgspec.Struct):
    """How long one kind of question took, in milliseconds, and what it came from."""

    asked: str
    queries: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    levels: list[str]
    target_p95_ms: float
    met: bool


class Measured(msgspec.Struct):
    """All questions at one size."""

    readings: int
    beside_ingest_messages_per_s: float
    times: list[Times]


class Result(msgspec.Struct):
    """What was built and measured."""

    plan: Plan
    channels: int
    readings: int
    hours: int
    days: int
    build_s: float
    buckets_checked: int
    buckets_differing: int
    measured: list[Measured]


def measure(plan: Plan, environ: Mapping[str, str], say: Callable[[str], None]) -> Result:
    """Build, ask, and ask once more beside ingest.

    Raises:
        Unavailable: Broker or database cannot be had here.
    """
    with running_database(plan.database, environ) as database, ExitStack() as stack:
        result, asking = asyncio.run(_alone(plan, database, say))
        if plan.ingest_rate:
            broker = stack.enter_context(running_broker("mosquitto"))
            folder, port = Path(stack.enter_context(TemporaryDirectory())), free_port()
            log = folder / "ingest.log"
            ingest = stack.enter_context(running_ingest(database, broker, port, environ, log))
            wait_until_ready(ingest, port, log)
            load = Load(broker.host, broker.port, broker.fleet.username, broker.fleet.password, 1000, 20, 1, 12_000)
            result.measured.append(asyncio.run(_beside(plan, database, load, port, asking, say)))
        return result


class _Asking(msgspec.Struct):
    """What questions are about."""

    org_id: int
    site_ids: list[int]
    channel_ids: list[int]
    now: datetime
    readings: int = 0


async def _alone(plan: Plan, database: Database, say: Callable[[str], None]) -> tuple[Result, _Asking]:
    began_s = time.monotonic()
    until_s = began_s + plan.build_minutes * 60
    now = _EPOCH + (SystemClock().now() - _EPOCH) // _HOUR * _HOUR
    async with await connect_async(database.url, autocommit=True) as connection:
        sites, group_ids = [], []
        for number in range(_SITES):
            site = Site(ORGANISATION, f"site{number:03d}", f"q{number:03d}-")
            sites.append(await history.add_site(connection, site))
            group_ids += await history.add_devices(connection, site, _DEVICES_A_SITE, _CHANNELS, 60)
        asking = _Asking(
            sites[0][0], [site_id for _, site_id in sites], await history.channels_of(connection, group_ids), now
        )
        say("building days and hours")
        midnight = _EPOCH + (now - _EPOCH) // _DAY * _DAY
        days = await history.add_days(connection, group_ids, _CHANNELS, (midnight - 730 * _DAY, midnight))
        hours = 0
        for span in _spans(now - plan.hour_days * _DAY, now, _WEEK):
            hours += await history.add_hours(connection, group_ids, _CHANNELS, span)
        await history.finish(connection, group_ids, _CHANNELS, now)
        result = Result(plan, len(asking.channel_ids), 0, hours, days, 0.0, 0, 0, [])
        begins = now
        for size in plan.readings:
            say(f"building {size:,.0f} readings")
            while result.readings < size and time.monotonic() < until_s:
                left_minutes = max(1, round((size - result.readings) / (_CHANNELS * len(group_ids))))
                start = max(begins - left_minutes * timedelta(minutes=1), _before(begins, timedelta(hours=6)))
                rows = await history.add_samples(connection, group_ids, _CHANNELS, 60, (start, begins))
                result.readings += rows * _CHANNELS
                begins = start
            result.build_s = time.monotonic() - began_s
            say("vacuuming, and a checkpoint")
            await history.settle(connection)
            asking.readings = result.readings
            result.measured.append(await _asked_by_itself(database, plan, asking))
        say("comparing roll-ups with samples")
        async for found in checking.check(connection, max(begins + _HOUR, now - _CHECKED), now, asking.site_ids[0]):
            result.buckets_checked += found.buckets
            result.buckets_differing += len(found.differences)
    return result, asking


async def _beside(
    plan: Plan, database: Database, load: Load, port: int, asking: _Asking, say: Callable[[str], None]
) -> Measured:
    """Ask while ingest takes in messages; return the rate that it really had."""
    generator = LoadGenerator(load)
    try:
        await generator.ready()
        telling = asyncio.ensure_future(_tell(generator, port))
        say(f"asking beside {plan.ingest_rate:,.0f} messages a second")
        sending = asyncio.ensure_future(generator.run(Phase(3600, plan.ingest_rate)))
        await asyncio.sleep(5)
        (before,) = await asyncio.to_thread(metric, port, MESSAGES)
        began_s = time.monotonic()
        measured = await _asked_by_itself(database, plan, asking)
        seconds = time.monotonic() - began_s
        (after,) = await asyncio.to_thread(metric, port, MESSAGES)
        measured.beside_ingest_messages_per_s = (after - before) / seconds
        for task in (telling, sending):
            task.cancel()
        return measured
    finally:
        generator.end()


async def _tell(generator: LoadGenerator, port: int) -> None:
    while True:
        with suppress(OSError):
            (committed,) = await asyncio.to_thread(metric, port, MESSAGES)
            generator.tell_committed(int(committed))
        await asyncio.sleep(0.1)


async def _asked_by_itself(database: Database, plan: Plan, asking: _Asking) -> Measured:
    """Ask from a process of its own, as the API does: what else this one has to do is not a part of an answer."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return await asyncio.get_running_loop().run_in_executor(process, _asked, database.url, plan, asking)


def _asked(url: str, plan: Plan, asking: _Asking) -> Measured:
    return asyncio.run(_ask(url, plan, asking))


async def _ask(url: str, plan: Plan, asking: _Asking) -> Measured:
    chance = Random(1)
    async with await connect_async(url, autocommit=True) as connection:

        async def chart(length: timedelta, points: int) -> str:
            found = await channel_series(
                connection, asking.org_id, chance.choice(asking.channel_ids), asking.now - length, asking.now, points
            )
            assert found is not None
            return found.level

        async def latest() -> str:
            wanted = ChannelFilter(site_id=chance.choice(asking.site_ids))
            page = await channels(connection, asking.org_id, wanted, now=asking.now, limit=200)
            assert len(page.items) == _DEVICES_A_SITE * _CHANNELS
            return "latest"

        times = []
        for asked, (length, points) in _CHARTS.items():
            times.append(await _timed(asked, plan.queries, partial(chart, length, points)))
        times.append(await _timed(_LATEST, plan.queries, latest))
    return Measured(asking.readings, 0.0, times)


async def _timed(asked: str, queries: int, ask: Callable[[], Awaitable[str]]) -> Times:
    took_ms, levels = [], set()
    for _ in range(queries):
        began_s = time.perf_counter()
        levels.add(await ask())
        took_ms.append((time.perf_counter() - began_s) * 1000)
    took_ms.sort()
    p50, p95, p99 = (took_ms[min(queries - 1, int(queries * share))] for share in (0.5, 0.95, 0.99))
    target_ms = _TARGETS_MS[asked]
    return Times(asked, queries, p50, p95, p99, sorted(levels), target_ms, p95 < target_ms)


def _before(at: datetime, step: timedelta) -> datetime:
    """Return the multiple of a step that lies before a time."""
    return _EPOCH + (at - timedelta(microseconds=1) - _EPOCH) // step * step


def _spans(begins: datetime, ends: datetime, step: timedelta) -> list[tuple[datetime, datetime]]:
    """Return [begins, ends) cut at the multiples of a step."""
    spans = []
    while ends > begins:
        start = max(begins, _before(ends, step))
        spans.append((start, ends))
        ends = start
    return spans[::-1]


def table(result: Result) -> str:
    """Return the result for people."""
    lines = [
        f"{result.readings:,} readings, {result.hours:,} hours and {result.days:,} days "
        f"of {result.channels:,} channels, built in {result.build_s:.0f} s",
        f"  {result.buckets_checked:,} roll-ups compared with their samples, {result.buckets_differing} differ",
    ]
    for each in result.measured:
        beside = each.beside_ingest_messages_per_s
        lines.append(f"{each.readings:,} readings" + (f", beside {beside:,.0f} messages/s" if beside else ""))
        lines += [
            f"  {t.asked}: p50 {t.p50_ms:.1f} ms, p95 {t.p95_ms:.1f} ms, p99 {t.p99_ms:.1f} ms "
            f"from {', '.join(t.levels)} (target {t.target_p95_ms:g} ms{'' if t.met else ', MISSED'})"
            for t in each.times
        ]
    return "\n".join(lines)
