"""Late samples are counted when they are inserted: once, by group and quarter of an hour."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_process.clock import to_ms
from siloscope_store import samples
from siloscope_store.sample_rows import encode, incoming
from siloscope_store.samples import SPAN_MS, SampleTable
from tests.store.farm import NOW, Farm

TEMPERATURE = [("t1", "temperature", "Cel")]


async def write(
    connection: AsyncConnection[Any], group_id: int, ages_s: list[int], arrived: datetime | None = NOW
) -> None:
    times_ms = sorted(to_ms(NOW - timedelta(seconds=age_s)) for age_s in ages_s)
    await samples.prepare(connection)
    async with connection.transaction():
        await samples.make_room(connection, SampleTable.MEASUREMENTS, sorted({time // SPAN_MS for time in times_ms}))
        await samples.write(
            connection,
            SampleTable.MEASUREMENTS,
            incoming([encode(group_id, time_ms, [1.0], None) for time_ms in times_ms]),
            late_at_ms=None if arrived is None else to_ms(arrived),
        )


def counted(owner: Connection[Any]) -> dict[datetime, int]:
    rows = owner.execute("SELECT bucket, samples FROM sample_late").fetchall()
    return {bucket.astimezone(UTC): samples for bucket, samples in rows}


async def test_what_came_late_is_counted_once_however_often_it_comes(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm
) -> None:
    group = farm.group("head", TEMPERATURE, interval_s=10)
    await write(connection, group.group_id, [5, 60, 61, 600, 901])
    expected = {NOW - timedelta(minutes=15): 2, NOW - timedelta(minutes=30): 1}
    assert counted(owner) == expected
    await write(connection, group.group_id, [5, 60, 61, 600, 901])
    assert counted(owner) == expected
    await write(connection, group.group_id, [61, 602, 601])
    assert counted(owner) == {**expected, NOW - timedelta(minutes=15): 4}


async def test_a_slow_group_is_late_after_two_of_its_intervals(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm
) -> None:
    group = farm.group("head", TEMPERATURE, interval_s=3600)
    await write(connection, group.group_id, [7200, 7201, 100])
    assert sum(counted(owner).values()) == 1


async def test_a_group_of_unknown_interval_is_late_after_a_minute(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm
) -> None:
    group = farm.group("head", TEMPERATURE, interval_s=None)
    await write(connection, group.group_id, [60, 61])
    assert sum(counted(owner).values()) == 1


async def test_a_batch_that_nobody_calls_late_counts_nothing(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm
) -> None:
    group = farm.group("head", TEMPERATURE)
    await write(connection, group.group_id, [600], arrived=None)
    assert counted(owner) == {}


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Etc/UTC"])
def test_every_zones_days_begin_at_a_quarter_of_an_hour(owner: Connection[Any], zone: str) -> None:
    row = owner.execute(
        "SELECT bool_and(date_bin('15 minutes', day_start(d::date, %s), 'epoch') = day_start(d::date, %s)) "
        "FROM generate_series('2020-01-01'::timestamp, '2030-01-01', '1 day') AS d",
        (zone, zone),
    ).fetchone()
    assert row == (True,)
