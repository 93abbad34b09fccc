"""Killed between any two statements, and done by two at once: nothing is lost, nothing counted twice."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection

from siloscope_process.clock import to_ms
from siloscope_store import samples
from siloscope_store.connections import connect_async
from siloscope_store.rollups import computing
from siloscope_store.samples import SampleTable
from siloscope_store.statements import statements
from tests.store.rollups.world import World

BEGIN = datetime(2026, 3, 7, 22, 0, tzinfo=UTC)
ZONE = "Asia/Kathmandu"


class Killed(Exception):
    """What stands for a kill: the connection is gone and with it the transaction."""


class Mortal:
    """A connection that dies before its n-th statement."""

    def __init__(self, connection: AsyncConnection[Any], lives: int) -> None:
        self._connection = connection
        self._lives = lives

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def cursor(self, *arguments: Any, **named: Any) -> Any:
        self._count()
        return self._connection.cursor(*arguments, **named)

    async def execute(self, *arguments: Any, **named: Any) -> Any:
        self._count()
        return await self._connection.execute(*arguments, **named)

    def _count(self) -> None:
        self._lives -= 1
        if self._lives < 0:
            raise Killed


async def fill(world: World, chance: random.Random, begins: datetime, hours: int) -> None:
    """Write some hours of two groups, some of it twice and out of order."""
    rows = [
        (
            group,
            begins + timedelta(seconds=second),
            [float(chance.randrange(100)), chance.random() * 360, second / 10],
            None,
        )
        for group, _ in world.groups.values()
        for second in range(0, 3600 * hours, 240)
    ]
    chance.shuffle(rows)
    await world.write([*rows, *rows[:20]])  # type: ignore[list-item]


@pytest.mark.parametrize("seed", range(3))
async def test_a_kill_between_any_two_statements_only_delays(
    world: World, migrated_database_url: str, seed: int
) -> None:
    chance = random.Random(seed)
    world.zone(ZONE)
    world.group("fine", 10)
    world.group("coarse", 60)
    await world.roll_up(BEGIN)
    at, kills = BEGIN, 0
    for _ in range(3):
        await fill(world, chance, at - timedelta(hours=2), 15)
        at += timedelta(hours=13)
        lives, ended = 1, False
        while not ended:
            async with await connect_async(migrated_database_url, autocommit=True) as connection:
                victim = World(world.farm, Mortal(connection, lives))  # type: ignore[arg-type]
                try:
                    await computing.prepare(victim.connection)
                    await victim.roll_up(at)
                    ended = True
                except Killed:
                    kills += 1
                    lives += chance.randint(1, 3)
        assert world.check(ZONE) > 0
    assert kills > 20


async def test_two_that_roll_up_at_once_do_everything_once(world: World, migrated_database_url: str) -> None:
    chance = random.Random(1)
    world.zone(ZONE)
    world.group("fine", 10)
    world.group("coarse", 60)
    await world.roll_up(BEGIN)
    await fill(world, chance, BEGIN - timedelta(hours=3), 40)
    async with await connect_async(migrated_database_url, autocommit=True) as connection:
        other = World(world.farm, connection)
        await other.prepare()
        await world.close(BEGIN + timedelta(hours=30))
        await asyncio.gather(world.roll_up(), other.roll_up())
    await world.roll_up()
    assert world.check(ZONE) > 100


async def test_a_bucket_waits_for_writers_that_may_not_know_that_it_closed(
    world: World, migrated_database_url: str
) -> None:
    group = world.group("coarse", 60)
    await world.roll_up(BEGIN)
    async with await connect_async(migrated_database_url, autocommit=True) as connection:
        slow = World(world.farm, connection)
        await slow.prepare()
        async with connection.transaction():
            await slow.write([(group, BEGIN + timedelta(minutes=7), [1.0], None)])
            assert await world.closing.step(world.connection, BEGIN + timedelta(hours=2)) is None
            assert not await world.work()
    await world.roll_up(BEGIN + timedelta(hours=2))
    assert world.rows("rollup_hour", group)[BEGIN][0] == 1


async def test_a_bucket_waits_for_a_writer_that_took_its_number_while_the_bucket_was_closing(
    world: World, migrated_database_url: str
) -> None:
    """Its number is above that of whoever closes, and it saw the bucket still open: it marks nothing."""
    group = world.group("coarse", 60)
    await world.roll_up(BEGIN)
    async with (
        await connect_async(migrated_database_url, autocommit=True) as connection,
        await connect_async(migrated_database_url, autocommit=True) as closing,
    ):
        slow = World(world.farm, connection)
        await slow.prepare()
        await samples.make_room(connection, SampleTable.MEASUREMENTS, [to_ms(BEGIN) // samples.SPAN_MS])
        async with connection.transaction():
            async with closing.transaction():
                asked = {"grace_s": 0, "at": BEGIN + timedelta(hours=2)}
                await closing.execute(statements("rollups.sql")["advance"], asked)
                await slow.write([(group, BEGIN + timedelta(minutes=7), [1.0], None)])
            assert await world.closing.step(world.connection) is None
            assert not await world.work()
    assert await world.closing.step(world.connection) is not None
    await world.roll_up()
    assert world.rows("rollup_hour", group)[BEGIN][0] == 1


async def test_a_writer_that_began_after_a_bucket_closed_marks_it(world: World, migrated_database_url: str) -> None:
    group = world.group("coarse", 60)
    await world.roll_up(BEGIN)
    await world.roll_up(BEGIN + timedelta(hours=2))
    await world.write([(group, BEGIN + timedelta(minutes=7), [1.0], None)])
    assert world.rows("rollup_hour", group) == {}
    await world.roll_up()
    assert world.rows("rollup_hour", group)[BEGIN][0] == 1
