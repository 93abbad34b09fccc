"""What holes are looked for, what of a group's past is expected, and what stays known."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_store import holes
from tests.store.farm import NOW, Farm, Group

MINUTE = timedelta(minutes=1)


@pytest.fixture
def head(owner: Connection[Any], farm: Farm) -> Group:
    """Return a group that is read once a minute, announced a day before NOW and heard of at NOW."""
    owner.execute("UPDATE site SET time_zone = 'Etc/UTC'")
    owner.execute("UPDATE node SET created_at = %s, last_pack_at = %s", (NOW - timedelta(days=1), NOW))
    group = farm.group("head", [("t1", "temperature", "Cel")], interval_s=60)
    owner.execute("UPDATE group_expectation SET since = %s", (NOW - timedelta(days=1),))
    return group


def every(farm: Farm, group: Group, step_s: int, begins: datetime, ends: datetime) -> None:
    count = int((ends - begins).total_seconds()) // step_s
    farm.samples(group, [(begins + timedelta(seconds=step_s * at), [1.0], None) for at in range(count)])


def missing(owner: Connection[Any], group: Group, begins: datetime, ends: datetime) -> int:
    row = owner.execute(
        "SELECT coalesce(sum(missing), 0) FROM missing_samples(%s, %s, %s, %s)", ([group.group_id], begins, ends, NOW)
    ).fetchone()
    assert row is not None
    return int(row[0])


def days(
    owner: Connection[Any], group: Group, begins: date, ends: date
) -> dict[date, tuple[int | None, int, int, int]]:
    rows = owner.execute(
        "SELECT day, expected, stored, surplus, unexplained FROM completeness_of(%s, %s, %s, %s)",
        ([group.group_id], begins, ends, NOW),
    ).fetchall()
    return {day: tuple(rest) for day, *rest in rows}


async def settle(owner: Connection[Any], connection: AsyncConnection[Any], at: datetime) -> None:
    owner.execute("DELETE FROM rollup_horizon")
    owner.execute("INSERT INTO rollup_horizon (closed_to, settled_to) VALUES (%s, %s)", (at, at))
    while await holes.search(connection, most=1):
        pass


def test_one_sample_of_a_clock_that_was_years_wrong_leaves_no_years_missing(
    owner: Connection[Any], farm: Farm, head: Group
) -> None:
    every(farm, head, 60, NOW - timedelta(days=1), NOW)
    farm.samples(head, [(NOW - timedelta(days=1200), [1.0], None)])
    assert missing(owner, head, NOW - timedelta(days=2000), NOW) == 0


def test_what_was_imported_of_years_ago_is_there_and_nothing_of_it_is_expected(
    owner: Connection[Any], farm: Farm, head: Group
) -> None:
    every(farm, head, 60, NOW - timedelta(days=1), NOW)
    old = datetime(2024, 6, 1, tzinfo=UTC)
    every(farm, head, 3600, old, old + timedelta(days=2))
    assert days(owner, head, old.date(), old.date()) == {old.date(): (None, 24, 0, 0)}
    assert missing(owner, head, old, NOW) == 0


def test_what_was_spooled_before_the_first_birth_is_expected(owner: Connection[Any], farm: Farm, head: Group) -> None:
    begins = NOW - timedelta(days=4)
    every(farm, head, 60, begins, begins + 30 * MINUTE)
    every(farm, head, 60, begins + 40 * MINUTE, NOW)
    assert missing(owner, head, begins - timedelta(days=1), NOW) == 10


async def test_a_shorter_interval_makes_no_holes_of_what_was_read_at_the_longer_one(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm, head: Group
) -> None:
    changed = NOW - timedelta(hours=2)
    every(farm, head, 60, NOW - timedelta(days=1), changed)
    every(farm, head, 10, changed + 2 * MINUTE, changed + 10 * MINUTE)
    every(farm, head, 10, changed + 11 * MINUTE, NOW)
    await settle(owner, connection, NOW - timedelta(hours=5))
    owner.execute("UPDATE sample_group SET interval_s = 10")
    owner.execute("UPDATE group_expectation SET until = %s WHERE until IS NOT NULL", (changed,))
    owner.execute("UPDATE group_expectation SET since = %s WHERE until IS NULL", (changed,))
    assert missing(owner, head, NOW - timedelta(days=2), NOW) == 12 + 6
    await settle(owner, connection, NOW)
    assert missing(owner, head, NOW - timedelta(days=2), NOW) == 12 + 6
    row = owner.execute("SELECT count(*) FROM sample_hole").fetchone()
    assert row == (2,)


async def test_a_hole_that_began_in_dropped_samples_stays_known_when_a_late_one_comes(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm, head: Group
) -> None:
    begins = NOW - timedelta(hours=20)
    kept = begins + timedelta(hours=5)
    owner.execute("UPDATE group_expectation SET since = %s", (begins - MINUTE,))
    every(farm, head, 60, begins, begins + timedelta(hours=2))
    every(farm, head, 60, kept + 30 * MINUTE, NOW)
    await settle(owner, connection, NOW)
    lacking = missing(owner, head, begins, NOW)
    assert lacking == 3 * 60 + 30
    owner.execute('DELETE FROM sample WHERE "time" < %s', (kept,))
    owner.execute(
        "INSERT INTO rollup_frozen (org_id, retention_class, before) VALUES (%s, 'measurements', %s)",
        (farm.org_id, kept),
    )
    late = kept + 10 * MINUTE
    farm.samples(head, [(late, [1.0], None)])
    owner.execute("SELECT touch_rollups(%s, %s)", ([head.group_id], [late]))
    while await holes.search_again(connection):
        pass
    assert missing(owner, head, begins, NOW) == lacking - 1
