"""Series from roll-ups: the right level, the same numbers as from readings, and no more rows than points."""

import math
from bisect import bisect
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise, product
from typing import Any

import pytest

from siloscope_store.series import Series, channel_series
from tests.store.farm import Group
from tests.store.rollups import plain
from tests.store.rollups.world import World

BEGIN = datetime(2026, 2, 20, 6, 0, tzinfo=UTC)  # Chicago's clocks go forward within the month
END = BEGIN + timedelta(days=30, minutes=37)
CHANNELS = [("t1", "temperature", "Cel"), ("wind_direction", "wind_direction", "deg"), ("rain", "rain", "mm")]
ZONE = "America/Chicago"


def reading(at: datetime) -> list[float | None]:
    minute = (at - BEGIN) // timedelta(minutes=1)
    return [round(20 + 10 * math.sin(minute / 500), 1), (350 + minute / 90) % 360, round(minute % 2000 / 10, 1)]


@pytest.fixture
async def rolled(world: World) -> tuple[World, Group]:
    """A month of a group that says it is read every minute, rolled up to half an hour before its end."""
    world.zone(ZONE)
    group = world.group("mast", 60, CHANNELS)
    await world.roll_up(BEGIN)
    times = [BEGIN + timedelta(minutes=minute) for minute in range(0, 30 * 1440 + 37, 31)]
    await world.write([(group, at, reading(at), [None, 101, None] if at.minute == 7 else None) for at in times])
    await world.write([(group, BEGIN + timedelta(hours=90, minutes=1, seconds=1), [None], [201])])
    await world.roll_up(END)
    return world, group


async def series(world: World, group: Group, channel: str, begins: datetime, ends: datetime, points: int) -> Series:
    found = await channel_series(world.connection, world.farm.org_id, group.channels[channel], begins, ends, points)
    assert found is not None
    return found


def held(found: Series, world: World, group: Group, position: int, bucket_of: Any, name: Any) -> None:
    """Hold points to a recomputation from readings."""
    expected = plain.recomputed(world.farm.connection, group.group_id, bucket_of)
    inside = {key: each[1][position] for key, each in expected.items() if position in each[1]}
    assert [name(point) for point in found.points] == sorted(inside)
    for point in found.points:
        values = inside[name(point)].values
        assert point.count == len(values)
        assert point.uncertain == inside[name(point)].codes.get(101, 0)
        assert point.bad == inside[name(point)].codes.get(201, 0)
        if position == 1:
            x, y = (sum(f(math.radians(v)) for v in values) for f in (math.cos, math.sin))
            assert point.mean is not None
            apart = abs(point.mean - math.degrees(math.atan2(y, x))) % 360
            assert min(apart, 360 - apart) < 1e-6
            assert (point.min, point.max) == (None, None)
        else:
            assert (point.min, point.max) == (min(values), max(values))
            assert point.mean == pytest.approx(math.fsum(values) / len(values))


@pytest.mark.parametrize(("channel", "position"), [("t1", 0), ("wind_direction", 1), ("rain", 2)])
async def test_a_month_comes_from_hours_and_what_is_open_from_readings(
    rolled: tuple[World, Group], channel: str, position: int
) -> None:
    found = await series(*rolled, channel, BEGIN, END, 1000)
    assert (found.level, found.bucket_s) == ("hour", 3600)
    held(found, *rolled, position, plain.hour, lambda point: point.time)


@pytest.mark.parametrize(("channel", "position"), [("t1", 0), ("wind_direction", 1), ("rain", 2)])
async def test_a_month_in_few_points_comes_from_days_that_carry_their_date(
    rolled: tuple[World, Group], channel: str, position: int
) -> None:
    found = await series(*rolled, channel, BEGIN, END, 40)
    assert (found.level, found.bucket_s) == ("day", 86_400)
    held(found, *rolled, position, plain.day(ZONE), lambda point: point.day)
    assert [point.time.hour for point in found.points if point.day == date(2026, 3, 9)] == [5]


MIDNIGHT = datetime(2026, 3, 5, 6, 0, tzinfo=UTC)
ENDS = (MIDNIGHT, MIDNIGHT + timedelta(hours=5), MIDNIGHT + timedelta(minutes=77), END + timedelta(days=2))


@pytest.mark.parametrize("channel", ["t1", "wind_direction", "rain"])
async def test_every_point_comes_once_wherever_the_window_ends(rolled: tuple[World, Group], channel: str) -> None:
    world, group = rolled
    position = [key for key, _, _ in CHANNELS].index(channel)
    for ends, points in product(ENDS, (500, 300, 29, 11, 3)):
        found = await series(world, group, channel, BEGIN + timedelta(minutes=25), ends, points)
        assert found.bucket_s is not None
        times = [point.time for point in found.points]
        assert times == sorted(set(times))
        expected = plain.recomputed(world.farm.connection, group.group_id, partial(start_of, times))
        for point in found.points[:-1]:
            assert point.count == len(expected[point.time][1][position].values)


def start_of(times: list[datetime], at: datetime) -> datetime:
    """Return the last of some times that is not after another."""
    return times[bisect(times, at) - 1]


@pytest.mark.parametrize("points", [1000, 300, 40, 20, 5])
async def test_a_counters_points_add_up_to_what_it_counted(rolled: tuple[World, Group], points: int) -> None:
    world, group = rolled
    values = [reading(BEGIN + timedelta(minutes=minute))[2] for minute in range(0, 30 * 1440 + 37, 31)]
    steps = [b if b < a else b - a for a, b in pairwise(values) if a is not None and b is not None]
    found = await series(world, group, "rain", BEGIN, END, points)
    assert found.level in ("hour", "day")
    assert len(found.points) <= points + 1
    assert math.fsum(point.increase or 0 for point in found.points) == pytest.approx(math.fsum(steps))
    rest = await series(world, group, "rain", BEGIN + timedelta(days=10, hours=7), END, points)
    whole = {point.time: point.increase for point in found.points}
    shared = [point for point in rest.points if point.time in whole and rest.bucket_s == found.bucket_s]
    assert [point.increase for point in shared] == pytest.approx([whole[point.time] for point in shared])


@pytest.mark.parametrize("points", [2000, 700, 60, 5])
async def test_what_a_counter_added_while_it_was_silent_is_in_one_of_two_windows(world: World, points: int) -> None:
    """Three days without a reading lie at the border of the windows; one more hour is not closed yet."""
    world.zone(ZONE)
    group = world.group("mast", 60, CHANNELS)
    await world.roll_up(BEGIN)
    border = BEGIN + timedelta(days=12, minutes=11)
    silent = (border - timedelta(days=3), border + timedelta(minutes=50))
    times = [BEGIN + timedelta(minutes=minute) for minute in range(0, 20 * 1440 + 37, 31)]
    times = [at for at in times if not silent[0] <= at < silent[1]]
    rain = [0.5 * number % 70 for number in range(len(times))]
    await world.write([(group, at, [1.0, None, value], None) for at, value in zip(times, rain, strict=True)])
    end = BEGIN + timedelta(days=20, minutes=37)
    await world.roll_up(end)
    steps = [b if b < a else b - a for a, b in pairwise(rain)]
    windows = [(BEGIN, border), (border, end)]
    if points < 2000:  # buckets of roll-ups begin where they begin
        stride = timedelta(days=1) if points < 100 else timedelta(hours=1)
        border = BEGIN + (border - BEGIN) // stride * stride
        windows = [(BEGIN, border), (border, end)]
    found = [await series(world, group, "rain", *window, points) for window in windows]
    assert math.fsum(each.increase or 0 for part in found for each in part.points) == pytest.approx(math.fsum(steps))


@pytest.mark.parametrize("points", [1000, 40])
async def test_a_long_span_reads_no_sample_of_a_closed_bucket(rolled: tuple[World, Group], points: int) -> None:
    world, group = rolled
    before = await series(world, group, "t1", BEGIN - timedelta(days=700), END, points)
    world.farm.connection.execute('DELETE FROM sample WHERE "time" < %s', (world.done()["hour"],))
    assert await series(world, group, "t1", BEGIN - timedelta(days=700), END, points) == before
    assert before.level == "day"


async def test_fast_groups_come_from_five_minutes(world: World) -> None:
    group = world.group("head", 1, CHANNELS[:1])
    await world.roll_up(BEGIN)
    await world.write([(group, BEGIN + timedelta(seconds=s), [float(s)], None) for s in range(0, 86_400, 7)])
    await world.roll_up(BEGIN + timedelta(hours=24))
    found = await series(world, group, "t1", BEGIN, BEGIN + timedelta(hours=24), 300)
    assert (found.level, found.bucket_s, len(found.points)) == ("m5", 300, 288)
    held(found, world, group, 0, plain.five_minutes, lambda point: point.time)


async def test_a_channel_that_has_only_begun_shows_its_readings(world: World) -> None:
    group = world.group("head", 60, CHANNELS[:1])
    await world.roll_up(BEGIN)
    await world.write([(group, BEGIN + timedelta(minutes=m), [1.0], None) for m in range(90)])
    await world.roll_up(BEGIN + timedelta(minutes=90))
    found = await series(world, group, "t1", BEGIN - timedelta(days=29), BEGIN + timedelta(days=1), 500)
    assert (found.level, found.bucket_s, len(found.points)) == ("raw", None, 90)


async def test_what_a_counter_added_before_a_window_is_not_in_it_where_no_bucket_has_closed_yet(world: World) -> None:
    """The roll-ups are half a day behind, and the window begins in what they lack."""
    group = world.group("mast", 1, CHANNELS)
    await world.roll_up(BEGIN)
    times = [BEGIN + timedelta(minutes=minute) for minute in range(0, 1440, 10)]
    await world.write([(group, at, [1.0, None, float(number)], None) for number, at in enumerate(times)])
    await world.roll_up(BEGIN + timedelta(hours=12))
    for level, since, points in (("m5", timedelta(hours=15, minutes=30), 20), ("hour", timedelta(hours=14), 5)):
        found = await series(world, group, "rain", BEGIN + since, BEGIN + timedelta(hours=24), points)
        assert found.level == level
        assert found.points[0].time == BEGIN + since
        assert math.fsum(point.increase or 0 for point in found.points) == len(times) - since / timedelta(minutes=10)


async def test_one_point_for_a_window_that_no_round_length_fits_holds_whole_roll_ups(world: World) -> None:
    group = world.group("mast", 1, CHANNELS)
    border = datetime(2026, 3, 12, tzinfo=UTC)  # every round length has a border then
    await world.roll_up(border - timedelta(days=1))
    times = [border + timedelta(minutes=minute) for minute in range(-720, 720, 10)]
    await world.write([(group, at, [1.0, None, None], None) for at in times])
    await world.roll_up(border + timedelta(days=2))
    begins = border - timedelta(hours=3, minutes=3)
    found = await series(world, group, "t1", begins, begins + timedelta(hours=9, seconds=5), 1)
    assert found.level == "hour"
    assert found.bucket_s == 36_000
    whole = found.points[0].time + timedelta(hours=10)
    assert found.points[0].time <= begins < whole
    assert [point.count for point in found.points[:-1]] == [
        sum(whole - timedelta(hours=10) <= at < whole for at in times)
    ]


@pytest.mark.parametrize(("points", "level"), [(1000, "hour"), (40, "day")])
async def test_what_came_late_and_is_not_rolled_up_yet_is_told(
    rolled: tuple[World, Group], points: int, level: str
) -> None:
    world, group = rolled
    other = world.group("bin", 60, CHANNELS)
    before = await series(world, group, "t1", BEGIN, END, points)
    assert (before.level, before.catching_up) == (level, False)
    late = BEGIN + timedelta(days=3, minutes=1)
    await world.write([(group, late, [99.0, None, None], None)])
    stale = await series(world, group, "t1", BEGIN, END, points)
    assert (stale.points, stale.catching_up) == (before.points, True)
    assert not (await series(world, group, "t1", late + timedelta(days=2), END, points)).catching_up
    assert not (await series(world, other, "t1", BEGIN, END, points)).catching_up
    await world.roll_up()
    whole = await series(world, group, "t1", BEGIN, END, points)
    assert sum(point.count for point in whole.points) == sum(point.count for point in before.points) + 1
    assert not whole.catching_up
    world.zone("Asia/Kathmandu")  # all days of the site are to be made anew
    assert (await series(world, group, "t1", BEGIN, END, points)).catching_up


async def test_what_was_imported_and_is_not_rolled_up_yet_does_not_come_as_readings_without_number(
    world: World,
) -> None:
    group = world.group("mast", 1, CHANNELS)
    await world.roll_up(BEGIN)
    await world.roll_up(BEGIN + timedelta(days=2))
    await world.write([(group, BEGIN + timedelta(minutes=m), [1.0, None, None], None) for m in range(0, 2880, 10)])
    found = await series(world, group, "t1", BEGIN, BEGIN + timedelta(days=2), 50)
    assert (found.level, found.catching_up) == ("hour", True)
    assert len(found.points) <= 50
    few = await series(world, group, "t1", BEGIN, BEGIN + timedelta(days=2), 300)
    assert (few.level, len(few.points), few.catching_up) == ("raw", 288, False)
