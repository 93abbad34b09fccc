"""Samples are expected from a group's first birth on, at the interval of that time, until a birth leaves it out."""

from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection, Connection

from siloscope_contract.births import ChannelBirth, DeviceBirth, GroupBirth
from siloscope_store import expectations
from siloscope_store.registry import register_birth
from tests.store.farm import NOW, Farm


def device(name: str, interval_s: float | None = 60) -> DeviceBirth:
    channels = [ChannelBirth("t1", "temperature", "Cel")]
    return DeviceBirth(name, groups=[GroupBirth("main", interval_s, channels=channels)])


async def announce(
    connection: AsyncConnection[Any], farm: Farm, session: str, at: datetime, *devices: DeviceBirth
) -> None:
    for each in devices:
        await register_birth(connection, farm.node_id, each)
    await expectations.name_groups(connection, farm.node_id, session, devices, at)
    await expectations.end_unnamed(connection, farm.node_id, session, at)


def periods(owner: Connection[Any], name: str) -> list[tuple[float, bool]]:
    return owner.execute(
        "SELECT e.interval_s, e.until IS NULL FROM group_expectation AS e JOIN sample_group USING (group_id) "
        "JOIN device USING (device_id) WHERE slug = %s ORDER BY since",
        (name,),
    ).fetchall()


async def test_a_device_that_a_birth_leaves_out_is_expected_no_more_until_one_names_it_again(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm
) -> None:
    await announce(connection, farm, "one", NOW, device("a"), device("b"))
    assert periods(owner, "a") == periods(owner, "b") == [(60, True)]
    later = NOW + timedelta(days=3000)
    await announce(connection, farm, "two", later, device("a"))
    assert periods(owner, "a") == [(60, True)]
    assert periods(owner, "b") == [(60, False)]
    await announce(connection, farm, "three", later + timedelta(hours=1), device("a"), device("b"))
    assert periods(owner, "b") == [(60, False), (60, True)]
    row = owner.execute("SELECT upper_inf(range_agg(tstzrange(since, until))) FROM group_expectation").fetchone()
    assert row == (True,)


async def test_another_interval_counts_from_its_birth_on(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm
) -> None:
    await announce(connection, farm, "one", NOW, device("a", 60))
    await announce(connection, farm, "two", NOW, device("a", 10))
    await announce(connection, farm, "three", NOW, device("a", 10))
    assert periods(owner, "a") == [(60, False), (10, True)]


async def test_a_device_that_states_no_interval_is_not_expected(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm
) -> None:
    await announce(connection, farm, "one", NOW, device("a", None))
    assert periods(owner, "a") == []
    await announce(connection, farm, "two", NOW, device("a", 30))
    assert periods(owner, "a") == [(30, True)]
