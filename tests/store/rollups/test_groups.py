"""Groups of every shape: wide ones, those that grow, those whose interval changes, and times from years ago."""

from datetime import UTC, datetime, timedelta

from siloscope_store.rollups import checking, repairing
from siloscope_store.rollups.groups import groups
from tests.store.rollups.plain import Kind
from tests.store.rollups.world import World

BEGIN = datetime(2026, 3, 7, 3, 0, tzinfo=UTC)
CHANNELS = [("t1", "temperature", "Cel")]
ZONE = "Etc/UTC"


async def test_a_group_of_256_positions_that_fill_one_after_the_other(world: World) -> None:
    world.zone(ZONE)
    group = world.group("wide", 10, [(f"t{at}", "temperature", "Cel") for at in range(256)])
    await world.roll_up(BEGIN)
    times = [BEGIN + timedelta(minutes=minute) for minute in range(0, 26 * 60, 10)]
    await world.write(
        [(group, at, [float(k) for k in range(1 + 2 * place)], None) for place, at in enumerate(times[:120])]
    )
    await world.roll_up(BEGIN + timedelta(hours=22))
    assert world.check(ZONE, {}) > 140
    assert len(world.rows("rollup_hour", group)[BEGIN + timedelta(hours=19)][1]) > 220


async def test_times_of_years_ago_are_rolled_up_without_a_look_at_all_years_between(world: World) -> None:
    world.zone(ZONE)
    group = world.group("head", 60, CHANNELS)
    await world.roll_up(BEGIN)
    wild = [BEGIN - timedelta(days=365 * years) for years in range(1, 6)]
    await world.write([(group, at, [1.0], None) for at in wild])
    turns = 0
    while await world.work():
        turns += 1
    assert turns <= len(wild) + 3
    assert world.check(ZONE, {}) == 10


async def test_a_long_downtime_is_caught_up_in_bounded_windows(world: World) -> None:
    world.zone(ZONE)
    group = world.group("head", 10, CHANNELS)
    await world.roll_up(BEGIN)
    await world.write([(group, BEGIN + timedelta(hours=h), [float(h)], None) for h in range(80)])
    await world.close(BEGIN + timedelta(hours=80))
    turns = 0
    while await world.work():
        turns += 1
    assert turns > 10
    assert world.check(ZONE, {}) == 80 + 80 + 3


async def test_five_minutes_begin_when_the_interval_becomes_short_and_end_when_it_becomes_long(world: World) -> None:
    world.zone(ZONE)
    group = world.group("head", None, CHANNELS)
    await world.roll_up(BEGIN)
    at = BEGIN
    for interval_s, has_m5 in ((None, False), (10, True), (60, False), (5, True)):
        world.farm.connection.execute("UPDATE sample_group SET interval_s = %s", (interval_s,))
        world.groups[group.group_id] = (group, interval_s)
        await world.write([(group, at + timedelta(minutes=m), [float(m)], None) for m in range(0, 180, 3)])
        at += timedelta(hours=3)
        await world.roll_up(at)
        ((found),) = await groups(world.connection, group_ids=[group.group_id])
        assert (found.m5_since is not None) is has_m5
        world.check(ZONE, {})
    await world.write([(group, BEGIN + timedelta(minutes=m), [-1.0], None) for m in range(1, 600, 50)])
    await world.roll_up()
    world.check(ZONE, {})


async def test_vitals_are_rolled_up_from_their_own_table(world: World) -> None:
    group = world.farm.group("agent", [("load", "ratio", "/")], retention_class="vitals", interval_s=60)
    await world.roll_up(BEGIN)
    world.farm.samples(group, [(BEGIN + timedelta(minutes=1), [0.5], None)], "sample_vitals")
    await world.roll_up(BEGIN + timedelta(hours=1))
    assert world.rows("rollup_hour", group)[BEGIN][:2] == (1, [1])


async def test_what_was_there_before_the_first_roll_up_is_rolled_up_too(world: World) -> None:
    world.zone(ZONE)
    group = world.group("head", 60, CHANNELS)
    await world.write([(group, BEGIN + timedelta(minutes=10 * m), [float(m)], None) for m in range(600)])
    await world.roll_up(BEGIN + timedelta(days=5))
    assert world.check(ZONE, {}) > 100


async def test_a_long_history_is_marked_some_groups_at_a_time(world: World) -> None:
    world.zone(ZONE)
    some = [world.group(f"head{n}", 60, CHANNELS) for n in range(2 * repairing.GROUPS_A_MARKING + 3)]
    await world.write([(group, BEGIN + timedelta(hours=h), [float(h)], None) for group in some for h in range(30)])
    await world.close(BEGIN + timedelta(days=5))
    await world.close(BEGIN + timedelta(days=5))
    assert await repairing.touched(world.connection) == 0
    most = 0
    while await world.work():
        most = max(most, await repairing.touched(world.connection))
        async for found in checking.check(world.connection, None, None):
            assert not found.differences
    assert most == 30 * repairing.GROUPS_A_MARKING
    assert world.check(ZONE, {}) == len(some) * (30 + 2)


async def test_a_corrected_quantity_is_rolled_up_again(world: World) -> None:
    world.zone(ZONE)
    group = world.group("head", 60, [("a1", "temperature", "Cel"), ("a2", "temperature", "Cel")])
    await world.roll_up(BEGIN)
    await world.write([(group, BEGIN + timedelta(minutes=7 * m), [float(m), 350.0], None) for m in range(300)])
    await world.roll_up(BEGIN + timedelta(days=2))
    assert world.check(ZONE, {}) > 30
    world.farm.connection.execute("UPDATE channel SET quantity = 'rain' WHERE key = 'a1'")
    world.farm.connection.execute("UPDATE channel SET quantity = 'wind_direction' WHERE key = 'a2'")
    await world.roll_up()
    assert world.check(ZONE, {0: Kind(counter=True), 1: Kind(circular=True)}) > 30


async def test_not_a_number_never_gets_into_a_roll_up(world: World) -> None:
    group = world.group("head", 60, CHANNELS)
    await world.roll_up(BEGIN)
    world.farm.samples(
        group,
        [
            (BEGIN, [float("nan")], None),
            (BEGIN + timedelta(minutes=1), [float("inf")], [101]),
            (BEGIN + timedelta(minutes=2), [3.0], None),
        ],
    )
    await world.roll_up(BEGIN + timedelta(hours=1))
    samples, counts, least, greatest, mean, last, *_, reasons = world.rows("rollup_hour", group)[BEGIN]
    assert (samples, counts, least, greatest, mean, last) == (3, [1], [3.0], [3.0], [3.0], [3.0])
    assert sum(reasons["0"].values()) >= 2
