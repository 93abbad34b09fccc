"""The jobs that retain and compress, with the roll-up job beside them, on every home of the schema."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from psycopg import AsyncConnection, Connection
from psycopg.sql import SQL, Identifier

from siloscope_ingest.jobs.compression import Compression
from siloscope_ingest.jobs.job import Job
from siloscope_ingest.jobs.metrics import JobMetrics
from siloscope_ingest.jobs.retention import Retention
from siloscope_ingest.jobs.rollups import Rollups
from siloscope_process.clock import ManualClock, to_ms
from siloscope_store import flavour
from siloscope_store.archive import catalogue, restoring
from siloscope_store.connections import connect, connect_async
from siloscope_store.errors import ArchiveBroken
from siloscope_store.flavour import Flavour, Span
from siloscope_store.retention import compressing
from siloscope_store.retention.turns import turn
from siloscope_store.series import Series, channel_series
from tests.store.farm import NOW, Farm, Group
from tests.store.retention.conftest import CHANNELS, OLD, hourly, stored

DAY = timedelta(days=1)
LEVELS = ("rollup_m5", "rollup_hour", "rollup_day")


class Yard:
    """A farm with samples of three years ago, and the jobs that work on it."""

    def __init__(self, owner: Connection[Any], session: AsyncConnection[Any], url: str, archive: Path) -> None:
        self.owner = owner
        self.session = session
        self.registry = CollectorRegistry()
        self.metrics = JobMetrics(self.registry)
        self.clock = ManualClock(to_ms(NOW))
        self.archive = archive
        self.farm = Farm(owner, "ours")
        self.head = self.farm.group("head", [*CHANNELS, ("wind", "wind_direction", "deg")], interval_s=10)
        rows = [
            (at, [*values, 350.0 + 3 * (at.hour % 5) - 360 * (at.hour % 5 > 2)], codes)
            for at, values, codes in hourly(OLD, 240)
        ]
        self.farm.samples(self.head, [(at, values, [*codes, 0] if codes else None) for at, values, codes in rows])
        self.rollups = Rollups(0, self.clock, self.metrics)
        self.retention = Retention(url, archive, self.clock, self.metrics)

    async def settle(self, job: Job) -> None:
        """Run a job until nothing waits."""
        while await job.run(self.session):
            pass

    async def roll_up(self) -> None:
        """Run the roll-up job until it has caught up."""
        for _ in range(3):  # the first run only begins
            await self.settle(self.rollups)

    def levels(self) -> Sequence[Sequence[tuple[Any, ...]]]:
        """Return every roll-up, as text."""
        query = "SELECT r::text FROM {} AS r ORDER BY r::text"
        return [self.owner.execute(SQL(query).format(Identifier(name))).fetchall() for name in LEVELS]

    def shown(self, name: str) -> float | None:
        """Return a metric."""
        return self.registry.get_sample_value(name)


@pytest.fixture
def owner(migrated_database_url: str) -> Iterator[Connection[Any]]:
    with connect(migrated_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def yard(owner: Connection[Any], migrated_database_url: str, tmp_path: Path) -> AsyncIterator[Yard]:
    async with await connect_async(migrated_database_url, autocommit=True) as session:
        yield Yard(owner, session, migrated_database_url, tmp_path)


async def test_samples_that_went_and_came_back_have_the_roll_ups_that_they_had(yard: Yard) -> None:
    await yard.settle(yard.retention)
    assert len(stored(yard.owner)) == 240  # nothing goes before it is rolled up
    await yard.roll_up()
    before, levels = stored(yard.owner), yard.levels()
    assert all(levels[1:])  # five minutes are made from when the group became known on
    await yard.settle(yard.retention)
    assert not stored(yard.owner)
    assert yard.levels() == levels
    assert yard.shown("siloscope_archive_files_total") == 11
    with turn(yard.owner):
        restoring.restore(yard.owner, yard.archive, catalogue.files(yard.owner), held_until=NOW + DAY)
    await yard.roll_up()
    assert stored(yard.owner) == before
    assert yard.levels() == levels


async def test_a_late_sample_never_empties_the_roll_up_of_what_was_dropped(yard: Yard) -> None:
    await yard.roll_up()
    await yard.settle(yard.retention)
    at = OLD + timedelta(hours=50, minutes=10)
    add(yard, yard.head, at)
    await yard.roll_up()
    hour = "SELECT samples FROM rollup_hour WHERE group_id = %s AND bucket = %s"
    asked = (yard.head.group_id, OLD + timedelta(hours=50))
    assert yard.owner.execute(hour, asked).fetchone() == (1,)
    await yard.settle(yard.retention)  # puts the day back beside it
    await yard.roll_up()
    assert yard.owner.execute(hour, asked).fetchone() == (2,)
    levels = yard.levels()
    yard.clock.advance(7200)
    await yard.settle(yard.retention)
    await yard.roll_up()
    assert not stored(yard.owner)
    assert yard.levels() == levels
    assert sum(file.samples for file in catalogue.files(yard.owner)) == 241


async def test_a_chart_of_what_was_let_go_shows_its_roll_ups(yard: Yard) -> None:
    await yard.roll_up()

    async def chart(days: int) -> Series:
        window = (OLD + DAY, OLD + (1 + days) * DAY)
        found = await channel_series(yard.session, yard.farm.org_id, yard.head.channels["t1"], *window, 500)
        assert found is not None
        return found

    before = await chart(1)
    await yard.settle(yard.retention)
    after = await chart(1)
    assert (before.level, after.level) == ("raw", "hour")
    assert [point.mean for point in after.points] == [point.mean for point in before.points]
    yard.owner.execute("DELETE FROM rollup_hour")
    assert (await chart(5)).level == "day"
    assert len((await chart(5)).points) > 3
    with turn(yard.owner):
        restoring.restore(yard.owner, yard.archive, catalogue.files(yard.owner), held_until=NOW + DAY)
    assert (await chart(1)).level == "raw"


async def test_a_broken_file_is_told(yard: Yard) -> None:
    await yard.roll_up()
    await yard.settle(yard.retention)
    for file in catalogue.files(yard.owner)[1:]:
        (yard.archive / file.path).unlink()
    add(yard, yard.head, OLD + timedelta(hours=50, minutes=10))
    with pytest.raises(ArchiveBroken, match="missing"):
        await yard.retention.run(yard.session)
    assert yard.shown("siloscope_archive_broken_files") == 2
    assert len(stored(yard.owner)) == 1


async def test_compression_leaves_the_homes_alone_that_have_none(yard: Yard, migrated_database_url: str) -> None:
    assert not await Compression(migrated_database_url, 14, yard.clock).run(yard.session)


def test_what_is_compressed_is_old_and_not_compressed_yet() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    spans = [
        Span("sample", "c2", at + 7 * DAY, at + 14 * DAY, 1, False),
        Span("rollup_hour", "c3", at, at + 7 * DAY, 1, False),
        Span("sample", "c1", at, at + 7 * DAY, 1, True),
        Span("sample", "c4", at + 14 * DAY, at + 21 * DAY, 1, False),
    ]
    assert [span.name for span in compressing.chosen(spans, at + 20 * DAY)] == ["c3", "c2"]
    assert [flavour.compresses(each) for each in Flavour] == [False, False, True]


def add(yard: Yard, group: Group, at: datetime) -> None:
    """Write a late sample as ingest does."""
    with yard.owner.transaction():
        yard.farm.samples(group, [(at, [1.0, 2.0, 3.0], None)])
        yard.owner.execute("SELECT touch_rollups(ARRAY[%s], ARRAY[%s::timestamptz])", (group.group_id, at))
