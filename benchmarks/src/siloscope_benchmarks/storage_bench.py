"""How many bytes a reading takes on disk, uncompressed, with all indexes and roll-ups.

Samples are written in order of time, all groups in turn, as ingest writes them; roll-ups are those that the job makes.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from siloscope_benchmarks.fleet import ORGANISATION, SITE
from siloscope_benchmarks.parts import Database, running_database
from siloscope_store import history
from siloscope_store.connections import connect_async
from siloscope_store.history import Site, Size
from siloscope_store.rollups import computing, progress

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)  # a span of weeks begins here
_ROLLUPS = ("rollup_m5", "rollup_hour", "rollup_day")
BUDGET_BYTES = 16.0


class Load(msgspec.Struct, frozen=True):
    """What is stored: so many devices with a group of so many channels each, read so often, for so long."""

    name: str
    devices: int
    channels: int
    interval_s: float
    hours: int


LOADS = (
    Load("20 channels every 60 s", 100, 20, 60, 48),
    Load("20 channels every 10 s", 12, 20, 10, 48),
    Load("plain devices, one reading a message, every 60 s", 100, 1, 60, 48),
)


class Stored(msgspec.Struct):
    """What a load takes, in bytes a reading unless said otherwise."""

    load: Load
    readings: int
    bytes_per_reading: float
    samples: float
    samples_index: float
    rollup_m5: float
    rollup_hour: float
    rollup_day: float
    latest_bytes_per_group: float
    registry_bytes_per_node: float
    within_budget: bool


class Result(msgspec.Struct):
    """All loads on one kind of database."""

    database: str
    budget_bytes_per_reading: float
    stored: list[Stored]


def measure(kind: str, environ: Mapping[str, str], say: Callable[[str], None]) -> Result:
    """Store each load in a database of its own kind, and look at the files.

    Raises:
        Unavailable: This machine has no such database.
    """
    with running_database(kind, environ) as database:
        stored = [asyncio.run(_store(database, place, load, say)) for place, load in enumerate(LOADS)]
    return Result(kind, BUDGET_BYTES, stored)


async def _store(database: Database, place: int, load: Load, say: Callable[[str], None]) -> Stored:
    say(f"storing {load.hours} hours of {load.devices} devices: {load.name}")
    # Each load in a year of its own: partitions and chunks of another are left as they are.
    begins = _BEGIN + timedelta(days=364 * place)
    begins -= (begins - datetime(1970, 1, 1, tzinfo=UTC)) % timedelta(days=7)
    ends = begins + timedelta(hours=load.hours)
    async with await connect_async(database.url, autocommit=True) as connection:
        registry_before = await _registry(connection)
        group_ids = await history.add_devices(
            connection, Site(ORGANISATION, SITE, f"s{place}-"), load.devices, load.channels, load.interval_s
        )
        registry = await _registry(connection) - registry_before
        latest_before = (await history.size(connection, "latest")).whole
        before = await _sizes(connection)
        await history.forget_progress(connection)
        await _roll_up(connection, begins)
        rows = 0
        for hour in range(load.hours):
            at = begins + timedelta(hours=hour)
            span = (at, at + timedelta(hours=1))
            rows += await history.add_samples(connection, group_ids, load.channels, load.interval_s, span)
        await _roll_up(connection, ends)
        after = await _sizes(connection)
        await history.add_latest(connection, group_ids, load.channels, ends)
        latest = (await history.size(connection, "latest")).whole - latest_before
    readings = rows * load.channels
    grown = {
        name: Size(after[name].whole - before[name].whole, after[name].indexes - before[name].indexes) for name in after
    }
    each = {name: size.whole / readings for name, size in grown.items()}
    whole = sum(each.values())
    return Stored(
        load=load,
        readings=readings,
        bytes_per_reading=whole,
        samples=each["sample"],
        samples_index=grown["sample"].indexes / readings,
        rollup_m5=each["rollup_m5"],
        rollup_hour=each["rollup_hour"],
        rollup_day=each["rollup_day"],
        latest_bytes_per_group=latest / load.devices,
        registry_bytes_per_node=registry / load.devices,
        within_budget=load.channels < 20 or whole <= BUDGET_BYTES,
    )


async def _roll_up(connection: history.Connection, at: datetime) -> None:
    """Roll up to a time, as the job does."""
    await computing.prepare(connection)
    closing = progress.Closing(0)
    while await closing.step(connection, at) is None:  # noqa: ASYNC110 - another process's transaction has no event
        await asyncio.sleep(0.01)
    now = await progress.horizon(connection)
    assert now is not None
    while (window := await progress.open_windows(connection, now.settled_to)) is not None:
        while not await progress.compute_slice(connection, window):
            pass


async def _sizes(connection: history.Connection) -> dict[str, Size]:
    return {name: await history.size(connection, name) for name in ("sample", *_ROLLUPS)}


async def _registry(connection: history.Connection) -> int:
    names = ("node", "device", "sample_group", "channel", "node_epoch")
    return sum([(await history.size(connection, name)).whole for name in names])


def table(result: Result) -> str:
    """Return the result for people."""
    lines = [f"bytes a reading on {result.database}, uncompressed; the budget is {result.budget_bytes_per_reading:g}"]
    for each in result.stored:
        lines += [
            f"{each.load.name}: {each.bytes_per_reading:.2f}{'' if each.within_budget else ' OVER THE BUDGET'}"
            f" ({each.readings:,} readings)",
            f"  samples {each.samples:.2f} (of it index {each.samples_index:.2f}), five minutes {each.rollup_m5:.2f}, "
            f"hours {each.rollup_hour:.2f}, days {each.rollup_day:.3f}",
            f"  beside it, whatever the span: latest {each.latest_bytes_per_group:.0f} bytes a group, "
            f"registry {each.registry_bytes_per_node:.0f} bytes a node",
        ]
    return "\n".join(lines)
