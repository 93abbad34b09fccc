"""The newest values: each element by its own time, whatever comes in which order, and whoever writes beside."""

import asyncio
from random import Random
from typing import Any

from psycopg import AsyncConnection

from siloscope_process.clock import to_ms
from siloscope_store import samples
from siloscope_store.connections import connect_async
from siloscope_store.sample_rows import encode, latest_row

AT_MS = 1_700_000_000_000
Element = tuple[int, float | None, int]


async def write(connection: AsyncConnection[Any], partial: list[bytes], newest: list[bytes]) -> None:
    async with connection.transaction():
        await samples.write_latest(connection, partial, newest)


async def held(connection: AsyncConnection[Any]) -> dict[int, list[Element | None]]:
    rows = await (await connection.execute('SELECT group_id, times, "values", quality FROM latest')).fetchall()
    return {
        group_id: [
            None if time is None else (to_ms(time), value, 0 if quality is None else quality[at] or 0)
            for at, (time, value) in enumerate(zip(times, values, strict=True))
        ]
        for group_id, times, values, quality in rows
    }


async def test_each_element_is_the_newest_of_its_own_whatever_comes_in_which_order(
    connection: AsyncConnection[Any],
) -> None:
    await samples.prepare(connection)
    random = Random(11)
    expected: dict[int, list[Element | None]] = {}
    for _ in range(150):
        partial: list[bytes] = []
        newest: list[bytes] = []
        for group_id in sorted(random.sample(range(1, 9), random.randint(1, 6))):
            width = random.randint(2, 4)
            at_ms = AT_MS + random.randrange(40)
            codes = [random.choice((0, 0, 0, 202)) for _ in range(width)]
            values = [None if code else round(random.uniform(0, 50), 1) for code in codes]
            quality = codes if any(codes) else None
            came: list[Element | None] = [(at_ms, *each) for each in zip(values, codes, strict=True)]
            if random.random() < 0.5:
                newest.append(encode(group_id, at_ms, values, quality))
            else:
                gone = random.randrange(width)
                came[gone] = None
                times_ms = [None if each is None else at_ms for each in came]
                values[gone] = None
                some = [None if at == gone else code for at, code in enumerate(codes)] if quality else None
                partial.append(latest_row(group_id, times_ms, values, some))
            kept = expected.setdefault(group_id, [])
            kept += [None] * (width - len(kept))
            for at, each in enumerate(came):
                before = kept[at]
                if each is not None and (before is None or each[0] > before[0]):
                    kept[at] = each
        await write(connection, partial, newest)
        assert await held(connection) == expected


async def test_writers_that_meet_the_same_new_groups_crosswise_never_deadlock(
    migrated_database_url: str,
) -> None:
    connections = [await connect_async(migrated_database_url, autocommit=True) for _ in range(2)]
    try:
        for each in connections:
            await samples.prepare(each)
        for turn in range(20):
            groups = range(turn * 100 + 1, turn * 100 + 61)
            partial = [latest_row(group_id, [AT_MS, None], [1.0, None], None) for group_id in groups]
            whole = [encode(group_id, AT_MS, [1.0, 2.0], None) for group_id in groups]
            first, second = connections
            await asyncio.gather(
                write(first, partial[:30], whole[30:]),
                write(second, partial[30:], whole[:30]),
            )
        found = await held(connections[0])
    finally:
        for each in connections:
            await each.close()
    assert set(map(tuple, found.values())) == {((AT_MS, 1.0, 0), (AT_MS, 2.0, 0))}
