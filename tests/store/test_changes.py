"""Changes: told once, told late when committed late, told to nobody else."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_store.changes import changes_since
from siloscope_store.connections import connect
from siloscope_store.errors import CursorMalformed
from tests.store.farm import NOW, Farm

T1 = ("t1", "temperature", "Cel")


@pytest.mark.parametrize("cursor", ["", "x", "1:2", "9:1:", "1:2:3;drop", "1:5:7"])
async def test_a_cursor_from_elsewhere_is_refused(connection: AsyncConnection[Any], farm: Farm, cursor: str) -> None:
    with pytest.raises(CursorMalformed):
        await changes_since(connection, cursor, now=NOW)


async def test_the_first_look_gives_a_cursor_and_nothing_else(connection: AsyncConnection[Any], farm: Farm) -> None:
    farm.latest(farm.group("head", [T1]), NOW, [1.0])
    assert (await changes_since(connection, None, now=NOW)).changes == []


async def test_a_change_is_told_once(connection: AsyncConnection[Any], farm: Farm) -> None:
    group = farm.group("head", [T1, ("t2", "temperature", "Cel")])
    place_id = farm.place("bin-1")
    farm.put(place_id, "head", "t2")
    first = await changes_since(connection, None, now=NOW)
    farm.latest(group, NOW - timedelta(seconds=3), [20.5, None], [None, 201])
    second = await changes_since(connection, first.cursor, now=NOW)
    told = [(c.channel_id, c.value, c.quality, c.reason, c.age_s, c.place_id) for c in second.changes]
    assert told == [
        (group.channels["t1"], 20.5, "good", "good", 3.0, None),
        (group.channels["t2"], None, "bad", "comm_failure", 3.0, place_id),
    ]
    assert {(c.org_id, c.site_id) for c in second.changes} == {(farm.org_id, farm.site_id)}
    third = await changes_since(connection, second.cursor, now=NOW)
    assert third.changes == []
    farm.latest(group, NOW, [21.0, 22.0])
    assert [c.value for c in (await changes_since(connection, third.cursor, now=NOW)).changes] == [21.0, 22.0]


async def test_what_commits_late_is_told_at_the_look_after_its_commit(
    connection: AsyncConnection[Any], farm: Farm, migrated_database_url: str
) -> None:
    early, late = farm.group("early", [T1]), farm.group("late", [T1])
    cursor = (await changes_since(connection, None, now=NOW)).cursor
    with connect(migrated_database_url) as slow:
        slow.execute("SELECT pg_current_xact_id()")
        farm.latest(early, NOW, [1.0])
        with slow.transaction():  # a savepoint, as where a batch is bisected
            slow.execute(
                "INSERT INTO latest (group_id, times, \"values\") VALUES (%s, %s, '{2}')", (late.group_id, [NOW])
            )
        between = await changes_since(connection, cursor, now=NOW)
        assert [c.value for c in between.changes] == [1.0]
    after = await changes_since(connection, between.cursor, now=NOW)
    assert [c.value for c in after.changes] == [2.0]


async def test_each_hears_of_its_own_only(connection: AsyncConnection[Any], farm: Farm, foreign: Farm) -> None:
    cursor = (await changes_since(connection, None, now=NOW)).cursor
    for one in (farm, foreign):
        one.latest(one.group("head", [T1]), NOW, [1.0])
    everybodys = await changes_since(connection, cursor, now=NOW)
    assert {c.org_id for c in everybodys.changes} == {farm.org_id, foreign.org_id}
    ours = await changes_since(connection, cursor, now=NOW, org_id=farm.org_id)
    assert {c.org_id for c in ours.changes} == {farm.org_id}
    assert (await changes_since(connection, cursor, now=NOW, org_id=farm.org_id, place_id=1)).changes == []


async def test_numbers_of_a_restored_dump_are_not_told_for_ever(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm
) -> None:
    group = farm.group("head", [T1])
    cursor = (await changes_since(connection, None, now=NOW)).cursor
    farm.latest(group, NOW, [1.0])
    owner.execute("UPDATE latest SET changed_by = '999999999999'")
    assert (await changes_since(connection, cursor, now=NOW)).changes == []
