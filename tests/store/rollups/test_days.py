"""Days are local dates of the site, and follow its time zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.store.rollups.world import World

CHANNELS = [("t1", "temperature", "Cel")]


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("America/Chicago", date(2026, 3, 8), timedelta(hours=23)),
        ("America/Chicago", date(2026, 11, 1), timedelta(hours=25)),
        ("Australia/Lord_Howe", date(2026, 10, 4), timedelta(hours=23, minutes=30)),
        ("Australia/Lord_Howe", date(2026, 4, 5), timedelta(hours=24, minutes=30)),
        ("America/Havana", date(2024, 3, 10), timedelta(hours=23)),  # its clocks skip midnight
        ("America/Havana", date(2024, 11, 3), timedelta(hours=25)),  # it has two midnights
        ("America/Sao_Paulo", date(2018, 2, 17), timedelta(hours=25)),  # clocks go back over midnight
        ("Asia/Kathmandu", date(2026, 3, 8), timedelta(hours=24)),
        ("Pacific/Apia", date(2011, 12, 30), timedelta(0)),  # a date that never was
        ("Pacific/Apia", date(2011, 12, 29), timedelta(hours=24)),
    ],
)
def test_a_day_begins_and_ends_where_the_local_date_changes(
    world: World, zone: str, day: date, length: timedelta
) -> None:
    row = world.farm.connection.execute(
        "SELECT day_start(%s, %s), day_start(%s, %s)", (day, zone, day + timedelta(days=1), zone)
    ).fetchone()
    assert row is not None
    assert row[1] - row[0] == length
    if length:
        second, local = timedelta(seconds=1), ZoneInfo(zone)
        assert [at.astimezone(local).date() == day for at in (row[0] - second, row[0], row[1] - second, row[1])] == [
            *(False, True, True, False)
        ]


async def test_a_corrected_zone_makes_all_days_of_the_site_anew(world: World) -> None:
    world.zone("America/Chicago")
    for device in ("one", "two"):
        world.group(device, 600, CHANNELS)
    begin = datetime(2026, 3, 5, tzinfo=UTC)
    await world.roll_up(begin)
    end = begin + timedelta(days=6)
    minutes = range(0, 6 * 1440, 20)
    await world.write(
        [(group, begin + timedelta(minutes=m), [float(m)], None) for group, _ in world.groups.values() for m in minutes]
    )
    await world.roll_up(end)
    assert world.check("America/Chicago", {}) > 200
    for zone in ("Asia/Kathmandu", "Pacific/Auckland"):
        world.zone(zone)
        await world.roll_up()
        world.check(zone, {})
        assert len(world.rows("rollup_day", next(iter(world.groups.values()))[0], "day")) >= 5


async def test_days_of_samples_that_are_gone_count_whole_hours(world: World) -> None:
    """Where a date begins within an hour whose samples were dropped, that hour counts to the date that it begins in."""
    world.zone("Etc/UTC")
    group = world.group("one", 600, CHANNELS)
    begin = datetime(2026, 3, 5, tzinfo=UTC)
    await world.roll_up(begin)
    await world.write([(group, begin + timedelta(minutes=m), [1.0], None) for m in range(0, 3 * 1440, 10)])
    await world.roll_up(begin + timedelta(days=3))
    owner = world.farm.connection
    owner.execute(
        "INSERT INTO raw_horizon (site_id, retention_class, org_id, kept_from) VALUES (%s, 'measurements', %s, %s)",
        (world.farm.site_id, world.farm.org_id, begin + timedelta(days=9)),
    )
    owner.execute("DELETE FROM sample")
    world.zone("Asia/Kathmandu")  # midnight is at 18:15 UTC
    await world.roll_up()
    rows = world.rows("rollup_day", group, "day")
    assert {day.day: row[0] for day, row in rows.items()} == {5: 19 * 6, 6: 24 * 6, 7: 24 * 6}
