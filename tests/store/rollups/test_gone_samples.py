"""Days that begin within an hour, once single readings went into the archive: what is put back, late or corrected."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from siloscope_store.archive import catalogue, restoring
from siloscope_store.retention import dropping, policies
from siloscope_store.retention.turns import turn
from tests.store.farm import Group
from tests.store.rollups.world import World

CHANNELS = [("t1", "temperature", "Cel")]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
BEGIN = datetime(2024, 1, 4, tzinfo=UTC)
"""A Thursday: a span begins here."""
A_SAMPLE = 10 * MINUTE
ZONES = ["Etc/UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"]

Day = tuple[object, ...]


async def three_weeks(world: World, zone: str) -> Group:
    """Return a group with three weeks of samples, rolled up, of which single readings are to be kept for a month."""
    world.zone(zone)
    group = world.group("one", A_SAMPLE.total_seconds(), CHANNELS)
    await world.roll_up(BEGIN)
    times = [BEGIN + at * A_SAMPLE for at in range(21 * DAY // A_SAMPLE)]
    await world.write([(group, at, [float((at - BEGIN) / MINUTE % 1440)], None) for at in times])
    await world.roll_up(BEGIN + 22 * DAY)
    policies.set_policy(world.farm.connection, world.farm.slug, "measurements", "raw", 30)
    return group


def days(world: World, group: Group) -> dict[date, Day]:
    return {day: tuple(row) for day, row in world.rows("rollup_day", group, "day").items()}


def changed(before: dict[date, Day], after: dict[date, Day]) -> dict[date, tuple[object, object]]:
    """Return of each date that differs how many samples it had and has."""
    return {day: (before[day][0], after[day][0]) for day in before | after if before.get(day) != after.get(day)}


def held(world: World) -> int:
    row = world.farm.connection.execute("SELECT count(*) FROM raw_restored").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("zone", ZONES)
async def test_a_day_that_was_put_back_says_what_it_said(world: World, tmp_path: Path, zone: str) -> None:
    group = await three_weeks(world, zone)
    before = days(world, group)
    owner = world.farm.connection
    assert dropping.run(owner, at=BEGIN + 52 * DAY, directory=tmp_path).dropped
    files = [file for file in catalogue.files(owner) if file.key.day == date(2024, 1, 8)]
    with turn(owner):
        assert restoring.restore(owner, tmp_path, files, held_until=BEGIN + 53 * DAY).new == DAY // A_SAMPLE
    await world.roll_up()
    assert changed(before, days(world, group)) == {}


@pytest.mark.parametrize("zone", ZONES)
async def test_a_late_sample_puts_back_its_own_day_alone(world: World, tmp_path: Path, zone: str) -> None:
    group = await three_weeks(world, zone)
    before = days(world, group)
    owner, now = world.farm.connection, BEGIN + 52 * DAY
    assert dropping.run(owner, at=now, directory=tmp_path).dropped
    await world.write([(group, datetime(2024, 1, 14, 10, 3, tzinfo=UTC), [5.0], None)])
    counts = []
    for _ in range(6):  # until after the hour for which it is held
        dropping.run(owner, at=now, directory=tmp_path)
        await world.roll_up()
        counts.append(held(world))
        now += 15 * MINUTE
    assert counts == [1, 1, 1, 1, 0, 0]
    assert changed(before, days(world, group)) == {date(2024, 1, 14): (144, 145)}


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns"])
async def test_a_late_sample_in_an_hour_that_two_days_share_puts_back_both(
    world: World, tmp_path: Path, zone: str
) -> None:
    group = await three_weeks(world, zone)
    before = days(world, group)
    owner, now = world.farm.connection, BEGIN + 52 * DAY
    assert dropping.run(owner, at=now, directory=tmp_path).dropped
    row = owner.execute("SELECT day_start(DATE '2024-01-14', %s)", (zone,)).fetchone()
    assert row is not None
    await world.write([(group, row[0] + 3 * MINUTE, [5.0], None)])
    for _ in range(6):
        dropping.run(owner, at=now, directory=tmp_path)
        await world.roll_up()
        assert held(world) <= 2
        now += 15 * MINUTE
    assert not held(world)
    assert changed(before, days(world, group)) == {date(2024, 1, 14): (144, 145)}
    hour = world.rows("rollup_hour", group)[row[0].replace(minute=0)]
    assert hour[0] == 7


@pytest.mark.parametrize("zone", ZONES)
async def test_the_first_day_that_is_kept_begins_at_its_midnight(world: World, zone: str) -> None:
    group = await three_weeks(world, zone)
    before = days(world, group)
    owner = world.farm.connection
    policies.require_archive(owner, world.farm.slug, required=False)
    assert dropping.run(owner, at=BEGIN + 38 * DAY, directory=None).dropped
    row = owner.execute("SELECT kept_from FROM raw_horizon").fetchone()
    assert row is not None
    await world.write([(group, row[0] + 12 * timedelta(hours=1) + 3 * MINUTE, [5.0], None)])
    await world.roll_up()
    after = days(world, group)
    (only,) = changed(before, after).values()
    assert only == (144, 145)


async def test_days_are_made_of_hours_where_a_zone_is_corrected_and_samples_are_gone(world: World) -> None:
    # More days than are made at once: an hour that begins before the first of them is of the day before.
    world.zone("Etc/UTC")
    group = world.group("one", 1800, CHANNELS)
    await world.roll_up(BEGIN)
    await world.write([(group, BEGIN + at * 30 * MINUTE, [1.0], None) for at in range(100 * 48)])
    await world.roll_up(BEGIN + 100 * DAY)
    owner = world.farm.connection
    owner.execute(
        "INSERT INTO raw_horizon (site_id, retention_class, org_id, kept_from) VALUES (%s, 'measurements', %s, %s)",
        (world.farm.site_id, world.farm.org_id, BEGIN + 109 * DAY),
    )
    owner.execute("DELETE FROM sample")
    world.zone("Asia/Kolkata")
    await world.roll_up()
    counts = [row[0] for _, row in sorted(days(world, group).items())]
    assert counts[0] == 38  # from half past five there, and all of the hour in which the next day begins
    assert counts[1:-1] == [48] * (len(counts) - 2)
