"""Samples that are not expected to be there are inserted without a look; what is there all the same is said."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection
from psycopg.errors import UniqueViolation

from siloscope_process.clock import to_ms
from siloscope_store import samples
from siloscope_store.alert_history import Span, samples_between
from siloscope_store.connections import connect_async
from siloscope_store.sample_rows import encode, incoming
from siloscope_store.samples import SPAN_MS, SampleTable, Written
from tests.store.farm import NOW, Farm

Sample = tuple[int, float | None]


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MANY", 1)


@pytest.fixture
def group_id(farm: Farm) -> int:
    return farm.group("head", [("t1", "temperature", "Cel"), ("t2", "temperature", "Cel")]).group_id


async def write(
    connection: AsyncConnection[Any], group_id: int, found: Sequence[Sample], *, fresh: bool = True
) -> Written:
    """Write samples (second, second value), whose first value is 1."""
    rows = [encode(group_id, time_of(second), [1.0, value], None) for second, value in sorted(found)]
    await samples.make_room(connection, SampleTable.MEASUREMENTS, [to_ms(NOW) // SPAN_MS])
    return await samples.write(connection, SampleTable.MEASUREMENTS, incoming(rows), fresh=fresh)


def time_of(second: int) -> int:
    return to_ms(NOW + timedelta(seconds=second))


def stored(owner: Connection[Any]) -> dict[int, float | None]:
    """The second value of each sample, by second."""
    rows = owner.execute('SELECT "time", "values"[2] FROM sample ORDER BY 1').fetchall()
    return {round((at - NOW).total_seconds()): value for at, value in rows}


async def test_what_is_fresh_is_there(owner: Connection[Any], connection: AsyncConnection[Any], group_id: int) -> None:
    await samples.prepare(connection)
    async with connection.transaction():
        written = await write(connection, group_id, [(1, 1.5), (2, 2.5)])
    assert written == Written(2)
    assert stored(owner) == {1: 1.5, 2: 2.5}


async def test_what_is_there_all_the_same_is_refused_and_then_filled_and_compared_as_ever(
    owner: Connection[Any], connection: AsyncConnection[Any], group_id: int
) -> None:
    found = [(0, 0.5), (1, 7.5), (2, 2.5), (3, 3.5)]
    await samples.prepare(connection)
    async with connection.transaction():
        await write(connection, group_id, [(1, 1.5), (2, None)])
    with pytest.raises(UniqueViolation):
        await _write_all(connection, group_id, found)
    assert stored(owner) == {1: 1.5, 2: None}
    async with connection.transaction():
        written = await write(connection, group_id, found, fresh=False)
    assert written.new == 2
    assert [(each.time_ms, each.position, each.kept_value, each.other_value) for each in written.differences] == [
        (time_of(1), 1, 1.5, 7.5)
    ]
    assert stored(owner) == {0: 0.5, 1: 1.5, 2: 2.5, 3: 3.5}


async def test_what_another_worker_is_just_writing_is_waited_for(
    owner: Connection[Any], connection: AsyncConnection[Any], migrated_database_url: str, group_id: int
) -> None:
    await samples.prepare(connection)
    async with await connect_async(migrated_database_url, autocommit=True) as other:
        await samples.prepare(other)
        async with connection.transaction():
            await write(connection, group_id, [(1, 1.5)])
            overtaking = asyncio.ensure_future(_write_all(other, group_id, [(1, 8.5), (2, 2.5)]))
            while owner.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() != (1,):
                await asyncio.sleep(0)
        with pytest.raises(UniqueViolation):
            await overtaking
    assert stored(owner) == {1: 1.5}


async def test_what_was_committed_since_a_snapshot_is_found_however_it_was_inserted(
    owner: Connection[Any], connection: AsyncConnection[Any], migrated_database_url: str, group_id: int
) -> None:
    # A row bears the number of what inserted it, and no snapshot lists that of a savepoint.
    await samples.prepare(connection)
    async with await connect_async(migrated_database_url, autocommit=True) as other:
        async with connection.transaction():
            await write(connection, group_id, [(1, 1.5), (2, 2.5)])
            await other.execute("SELECT pg_current_xact_id()")
            row = owner.execute("SELECT pg_current_snapshot()::text").fetchone()
        assert row is not None
        span = Span(group_id, NOW, NOW + timedelta(seconds=60))
        found = await samples_between(other, [span], since=row[0])
    assert [each.time_ms for each in found] == [time_of(1), time_of(2)]


async def test_few_rows_are_looked_for_all_the_same(
    connection: AsyncConnection[Any], group_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "MANY", 3)
    await samples.prepare(connection)
    async with connection.transaction():
        assert await write(connection, group_id, [(1, 1.5), (2, 2.5)]) == Written(2)
    async with connection.transaction():
        assert (await write(connection, group_id, [(2, 2.5), (3, 3.5)])).new == 1


async def _write_all(connection: AsyncConnection[Any], group_id: int, found: Sequence[Sample]) -> Written:
    async with connection.transaction():
        return await write(connection, group_id, found)
