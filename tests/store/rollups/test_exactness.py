"""Roll-ups equal a recomputation from raw, whatever came when, and whoever was killed meanwhile."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from tests.store.farm import Group
from tests.store.rollups.world import Sample, World

BEGIN = datetime(2026, 3, 7, 3, 0, tzinfo=UTC)  # the night in which Chicago's clocks go forward follows
ZONES = [
    "America/Chicago",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Pacific/Apia",
    "America/Havana",
]


def sample(chance: random.Random, group: Group, at: datetime, rained: dict[int, float]) -> Sample:
    """A sample with all that can be the matter with one."""
    fallen = rained.get(group.group_id, 0.0) + chance.choice([0, 0, 0.2])
    rained[group.group_id] = 0.0 if chance.random() < 0.02 else fallen
    values: list[float | None] = [
        round(chance.uniform(-20, 40), 1),
        round(chance.uniform(0, 359.9), 1),
        round(rained[group.group_id], 1),
        chance.gauss(0, 1e3),
    ]
    quality: list[int | None] | None = None
    trouble = chance.random()
    if trouble < 0.1:  # a failed read
        at_position = chance.randrange(4)
        values[at_position], quality = None, [None] * 4
        quality[at_position] = chance.choice([201, 202])
    elif trouble < 0.2:
        quality = [chance.choice([0, 101, 103]) for _ in range(4)]
    elif trouble < 0.3:  # not reported, or a group that had fewer positions
        values = values[: chance.randint(1, 3)]
    elif trouble < 0.33:
        values = [None, None, None, None]
    return group, at, values, quality


@pytest.mark.parametrize("zone", ZONES)
async def test_incremental_roll_ups_equal_a_recomputation_under_late_data_and_duplicates(
    world: World, zone: str
) -> None:
    chance = random.Random(zone)
    world.zone(zone)
    fine, coarse, unknown = world.group("fine", 10), world.group("coarse", 60), world.group("unknown", None)
    rained: dict[int, float] = {}
    at = BEGIN
    waiting: list[Sample] = []
    written: list[Sample] = []
    await world.roll_up(at)
    for hours in [1.3, 0.2, 5, 0.1, 20, 2, 9, 0.5, 14]:
        end = at + timedelta(hours=hours)
        rows: list[Sample] = []
        while at < end:
            rows += [sample(chance, group, at, rained) for group in (fine, coarse, unknown)]
            at += timedelta(seconds=chance.choice([30, 130, 600]))
        held = [row for row in rows if chance.random() < 0.15]
        waiting += held
        late = [waiting.pop(chance.randrange(len(waiting))) for _ in range(len(waiting) // 2)]
        now = [row for row in rows if row not in held] + late + chance.sample(written, min(20, len(written)))
        written += now
        await world.write(sorted(now, key=lambda row: row[1]))
        if chance.random() < 0.7:
            await world.roll_up(at)
    await world.write(waiting)
    await world.roll_up(at)
    assert world.check(zone) > 100
