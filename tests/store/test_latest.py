"""The newest values: each element by its own time, whatever comes in which order, and whoever writes beside."""

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from psycopg import AsyncConnection

from siloscope_process.clock import to_ms
from siloscope_store import samples
from siloscope_store.connections import connect_async
from siloscope_store.sample_rows import decode, encode, incoming, latest_row
from siloscope_store.samples import SampleTable

AT_MS = 1_700_000_000_000
Element = tuple[int, float | None, int]


async def write(connection: AsyncConnection[Any], partial: list[bytes], newest: Mapping[bytes, bool]) -> None:
    """Rows of odd groups come through the one table, the others through the other one."""
    tables = list(SampleTable)
    async with connection.transaction():
        for odd, table in enumerate(tables):
            rows = [row for row in newest if decode(row).group_id % 2 == odd]
            await samples.bring(connection, table, incoming(rows, newest))
        await samples.write_latest(connection, partial, len(newest), tuple(tables))


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
        newest: dict[bytes, bool] = {}
        for group_id in sorted(random.sample(range(1, 9), random.randint(1, 6))):
            width = random.randint(2, 4)
            at_ms = AT_MS + random.randrange(40)
            codes = [random.choice((0, 0, 0, 202)) for _ in range(width)]
            values = [None if code else round(random.uniform(0, 50), 1) for code in codes]
            quality = codes if any(codes) else None
            came: list[Element | None] = [(at_ms, *each) for each in zip(values, codes, strict=True)]
            if random.random() < 0.5:
                newest[encode(group_id, at_ms, values, quality)] = False
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
            whole = {encode(group_id, AT_MS, [1.0, 2.0], None): False for group_id in groups}
            first, second = connections
            await asyncio.gather(
                write(first, partial[:30], dict(list(whole.items())[30:])),
                write(second, partial[30:], dict(list(whole.items())[:30])),
            )
        found = await held(connections[0])
    finally:
        for each in connections:
            await each.close()
    assert set(map(tuple, found.values())) == {((AT_MS, 1.0, 0), (AT_MS, 2.0, 0))}


async def counted(connection: AsyncConnection[Any], group_id: int) -> int:
    row = await (await connection.execute("SELECT changes FROM latest WHERE group_id = %s", (group_id,))).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("partial", [False, True])
async def test_one_sample_is_counted_once_and_several_more_than_that(
    connection: AsyncConnection[Any], *, partial: bool
) -> None:
    await samples.prepare(connection)

    async def came(at_ms: int, *, several: bool) -> int:
        if partial:
            await write(connection, [latest_row(1, [at_ms], [20.0], None, several=several)], {})
        else:
            await write(connection, [], {encode(1, at_ms, [20.0], None): several})
        return await counted(connection, 1)

    first = await came(AT_MS, several=False)
    assert await came(AT_MS + 1, several=False) == first + 1
    assert await came(AT_MS + 9, several=True) > first + 2


async def test_a_sample_that_was_overtaken_is_counted_where_it_may_be_in_time(
    connection: AsyncConnection[Any],
) -> None:
    await samples.prepare(connection)
    row = await (await connection.execute("SELECT now()")).fetchone()
    assert row is not None
    now_ms = to_ms(row[0])
    newest = {encode(group, now_ms, [20.0, 21.0], None): False for group in (1, 2, 3)}
    await write(connection, [], newest)
    before = [await counted(connection, group) for group in (1, 2, 3)]
    kept = await held(connection)
    behind = encode(1, now_ms - 5_000, [9.0, 9.0], None)
    late = latest_row(2, [now_ms - 3_600_000], [9.0], None)
    again = encode(3, now_ms + 1_000, [20.0, 21.0], None)
    await write(connection, [late], {behind: False, again: False})
    after = [await counted(connection, group) for group in (1, 2, 3)]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 0, 1]
    assert {group: each for group, each in (await held(connection)).items() if group < 3} == {
        group: each for group, each in kept.items() if group < 3
    }


async def test_what_was_committed_since_a_snapshot_is_known_of_each_row(
    connection: AsyncConnection[Any], migrated_database_url: str
) -> None:
    await connection.execute("CREATE TABLE came (number int4)")

    async def since(horizon: str) -> list[int]:
        found = await connection.execute(
            "SELECT number FROM came WHERE committed_since(xmin, %s::pg_snapshot) ORDER BY number", (horizon,)
        )
        return [row[0] for row in await found.fetchall()]

    async def horizon() -> str:
        row = await (await connection.execute("SELECT pg_current_snapshot()::text")).fetchone()
        assert row is not None
        return str(row[0])

    await connection.execute("INSERT INTO came VALUES (1)")
    async with await connect_async(migrated_database_url, autocommit=True) as slow:
        async with slow.transaction():
            await slow.execute("INSERT INTO came VALUES (2)")
            await connection.execute("INSERT INTO came VALUES (3)")
            during = await horizon()
        await connection.execute("INSERT INTO came VALUES (4)")
    assert await since(during) == [2, 4]
    assert await since(await horizon()) == []


@pytest.mark.parametrize(
    ("stored_by", "horizon", "since"),
    [
        (10, "20:20:", False),
        (20, "20:20:", True),
        (4_294_967_290, "4294967300:4294967300:", False),  # the number began anew since
        (5, "4294967295:4294967295:", True),
        (7, "4294967299:4294967310:4294967303", True),
        (8, "4294967299:4294967310:4294967303", False),
    ],
)
async def test_numbers_of_transactions_that_begin_anew_are_told_apart(
    connection: AsyncConnection[Any], stored_by: int, horizon: str, *, since: bool
) -> None:
    asked = await connection.execute(
        "SELECT committed_since(%s::text::xid, %s::pg_snapshot)", (str(stored_by), horizon)
    )
    assert await asked.fetchone() == (since,)


async def test_whether_a_row_was_committed_since_is_asked_without_a_call_for_each(
    connection: AsyncConnection[Any],
) -> None:
    found = await connection.execute(
        "EXPLAIN SELECT group_id FROM latest WHERE committed_since(xmin, '10:20:15'::pg_snapshot)"
    )
    plan = "\n".join(row[0] for row in await found.fetchall())
    assert "pg_visible_in_snapshot" in plan
    assert "committed_since" not in plan
