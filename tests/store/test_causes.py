"""What a missing sample is put down to, beyond what a node declares: what was refused, and what was not believed."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_process.clock import to_ms
from siloscope_store import ledger, quarantine, samples, shelf
from siloscope_store.ledger import RefusedNumber
from siloscope_store.quarantine import Quarantined, Withheld
from siloscope_store.samples import FAR_WEEK, OUT_OF_WINDOW, Undated
from siloscope_store.shelf import Wanted
from tests.store.farm import NOW, Farm, Group

EPOCH = "0e" * 16
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def head(owner: Connection[Any], farm: Farm) -> Group:
    """Return a group that is read once a minute for an hour, without what is said to be lacking."""
    owner.execute("UPDATE node SET created_at = %s, last_pack_at = %s", (NOW - 99 * HOUR, NOW))
    group = farm.group("head", [("t1", "temperature", "Cel")], interval_s=60)
    owner.execute("UPDATE group_expectation SET since = %s", (NOW - HOUR,))
    return group


def read_but_for(farm: Farm, group: Group, lacking: set[int]) -> None:
    """Store the hour's samples but those of some minutes."""
    farm.samples(group, [(NOW - HOUR + at * MINUTE, [1.0], None) for at in range(60) if at not in lacking])


def causes(owner: Connection[Any], group: Group, begins: datetime = NOW - HOUR) -> dict[str, int]:
    rows = owner.execute(
        "SELECT cause, sum(missing)::int FROM missing_samples(%s, %s, %s, %s) GROUP BY cause",
        ([group.group_id], begins, NOW, NOW),
    )
    return dict(rows.fetchall())


async def test_what_was_refused_is_known_by_its_number_when_its_message_has_left_the_quarantine(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm, head: Group
) -> None:
    read_but_for(farm, head, {20, 40})
    at = NOW - HOUR + 20 * MINUTE + timedelta(seconds=1)
    message = Quarantined("topic", b"bad", "malformed", "", at, farm.org_id, farm.node_id, EPOCH, 7)
    async with connection.transaction():
        await ledger.refuse(connection, [RefusedNumber(farm.node_id, EPOCH, 7, "malformed", "", at)])
        await quarantine.keep(connection, [message])
    assert causes(owner, head) == {"refused": 1, "unexplained": 1}
    await shelf.discard(connection, None, Wanted())
    assert causes(owner, head) == {"refused": 1, "unexplained": 1}


async def test_a_refused_message_that_came_twice_stands_for_both_times(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm, head: Group
) -> None:
    read_but_for(farm, head, {20, 40, 50})
    for at in (20, 40):
        message = Quarantined("topic", b"bad", "malformed", "", NOW - HOUR + at * MINUTE, farm.org_id, farm.node_id)
        async with connection.transaction():
            await quarantine.keep(connection, [message])
    assert causes(owner, head) == {"refused": 2, "unexplained": 1}


async def test_a_refused_message_that_came_all_the_time_stands_for_all_of_it(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm, head: Group
) -> None:
    read_but_for(farm, head, {5, *range(10, 40)})
    for at in range(10, 40):
        message = Quarantined("topic", b"bad", "malformed", "", NOW - HOUR + at * MINUTE, farm.org_id, farm.node_id)
        async with connection.transaction():
            await quarantine.keep(connection, [message])
    assert causes(owner, head) == {"refused": 30, "unexplained": 1}


async def test_of_a_flood_the_minutes_are_known_in_which_it_came(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm, head: Group
) -> None:
    lacking = {5, *range(10, 20), 30, *range(40, 43)}
    read_but_for(farm, head, lacking)
    for at in sorted(lacking - {5, 30}):
        flood = [
            Withheld(farm.org_id, farm.node_id, NOW - HOUR + at * MINUTE + timedelta(seconds=s), "malformed", 9)
            for s in range(0, 50, 10)
        ]
        async with connection.transaction():
            await quarantine.count_withheld(connection, flood)
    assert causes(owner, head) == {"refused": 13, "unexplained": 2}
    owner.execute("UPDATE quarantine_withheld SET minutes = 0")  # as an older worker counted it
    assert causes(owner, head) == {"unexplained": 15}


async def test_each_sample_of_an_unbelievable_pack_stands_for_one_as_far_behind_its_arrival(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm, head: Group
) -> None:
    read_but_for(farm, head, {10, *range(20, 30)})
    arrived = NOW - HOUR + 29 * MINUTE + timedelta(seconds=2)
    await keep(connection, farm, head, [NOW - 9_000 * HOUR * 24 - at * MINUTE for at in range(10)], arrived)
    assert causes(owner, head) == {"undated": 10, "unexplained": 1}


async def test_a_sample_of_a_week_that_is_closed_stands_for_the_time_that_it_says(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm, head: Group
) -> None:
    read_but_for(farm, head, {20, 40})
    await keep(connection, farm, head, [NOW - HOUR + 20 * MINUTE], NOW - HOUR + 40 * MINUTE, FAR_WEEK)
    (told,) = owner.execute(
        "SELECT cause, first_at FROM missing_samples(%s, %s, %s, %s) WHERE cause <> 'unexplained'",
        ([head.group_id], NOW - HOUR, NOW, NOW),
    ).fetchall()
    assert told == ("undated", NOW - HOUR + 20 * MINUTE)


async def keep(
    connection: AsyncConnection[Any],
    farm: Farm,
    group: Group,
    times: list[datetime],
    arrived: datetime,
    reason: str = OUT_OF_WINDOW,
) -> None:
    owners = (farm.org_id, farm.node_id, group.group_id)
    found = [
        Undated(*owners, to_ms(time), [float(at)], None, EPOCH, 7, arrived, reason) for at, time in enumerate(times)
    ]
    async with connection.transaction():
        await samples.keep_undated(connection, found)


def test_the_causes_of_hundreds_of_groups_of_one_instrument_are_looked_up_once(
    owner: Connection[Any], farm: Farm, head: Group
) -> None:
    owner.execute(
        "INSERT INTO sample_group (org_id, device_id, key, retention_class, interval_s) "
        "SELECT org_id, device_id, 'g' || i, retention_class, interval_s "
        "FROM sample_group CROSS JOIN generate_series(1, 400) AS i"
    )
    owner.execute("UPDATE group_expectation SET since = %s", (NOW - HOUR,))
    owner.execute(
        "INSERT INTO gap_record (org_id, node_id, kind, from_time, to_time, device, recorded_seq) "
        "SELECT %s, %s, 'bus_error', t, t + INTERVAL '1 second', 'head', i "
        "FROM generate_series(1, 10000) AS i CROSS JOIN LATERAL (SELECT %s - i * INTERVAL '4 minutes' AS t) AS x",
        (farm.org_id, farm.node_id, NOW),
    )
    owner.execute("ANALYZE")
    owner.execute("SET statement_timeout = '4s'")  # each group by itself takes longer
    found = owner.execute(
        "SELECT cause, sum(missing)::int / 401 FROM missing_samples("
        "ARRAY(SELECT group_id FROM sample_group), %s, %s, %s) GROUP BY cause",
        (NOW - 720 * HOUR, NOW, NOW),
    )
    assert dict(found.fetchall()) == {"bus_error": 14, "unexplained": 58 - 14}


def test_a_day_on_which_more_is_read_than_announced_and_much_is_missing_expects_no_more_than_it_can_hold(
    owner: Connection[Any], farm: Farm, head: Group
) -> None:
    """Twice a minute for half of an hour, and off for the other half."""
    farm.samples(head, [(NOW - HOUR + at * MINUTE / 2, [1.0], None) for at in range(61)])
    owner.execute(
        "INSERT INTO gap_record (org_id, node_id, kind, from_time, to_time) VALUES (%s, %s, 'agent_off', %s, %s)",
        (farm.org_id, farm.node_id, NOW - HOUR / 2, NOW),
    )
    (day,) = owner.execute(
        "SELECT expected, stored, surplus, agent_off, unexplained FROM completeness_of(%s, %s, %s, %s)",
        ([head.group_id], NOW.date(), NOW.date(), NOW),
    ).fetchall()
    assert day == (60, 61, 29, 28, 0)
