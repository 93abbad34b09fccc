"""Who walks from week to week goes on, whatever others opened; who jumps does not."""

import pytest

from siloscope_contract.topics import NodeName
from siloscope_ingest.far_weeks import Allowance, FarWeeks
from siloscope_ingest.shapes import TABLES
from siloscope_store import registry
from siloscope_store.connections import Connected, connect_async

NOW_MS = 1_700_000_000_000
FIRST = 2_400


def week(number: int) -> int:
    return number * len(TABLES)


async def nodes(connection: Connected) -> tuple[int, int]:
    """Return two nodes: one that will walk, and a wild one."""
    found = [
        await registry.register_node(connection, NodeName.of("demo", "north-farm", slug), "plain")
        for slug in ("walker", "wild")
    ]
    return found[0].node_id, found[1].node_id


@pytest.mark.postgres
@pytest.mark.parametrize("opened", [(3,), (3, 4, 5), (2,)])
async def test_a_walker_crosses_what_a_wild_clock_opened_before(
    postgres_farm_url: str, opened: tuple[int, ...]
) -> None:
    weeks = FarWeeks(Allowance(jumps=1 + len(opened), walks=100))
    async with await connect_async(postgres_farm_url, autocommit=True) as connection:
        walker, wild = await nodes(connection)
        for each in opened:
            await weeks.ask(connection, wild, week(FIRST + each), NOW_MS, [])
        await weeks.ask(connection, walker, week(FIRST), NOW_MS, [])
        await weeks.ask(connection, wild, week(FIRST + 8), NOW_MS, [])
        for step in range(1, 12):
            # What follows in the same batch is let by where its week is open, before this one's answer is there.
            for ahead in opened:
                if ahead > step:
                    assert weeks.verdict(walker, week(FIRST + ahead), NOW_MS)
            if weeks.verdict(walker, week(FIRST + step), NOW_MS) is None:
                await weeks.ask(connection, walker, week(FIRST + step), NOW_MS, [])
            assert weeks.verdict(walker, week(FIRST + step), NOW_MS), step


@pytest.mark.postgres
async def test_who_jumps_over_closed_weeks_does_not_walk(postgres_farm_url: str) -> None:
    weeks = FarWeeks(Allowance(jumps=1, walks=100))
    async with await connect_async(postgres_farm_url, autocommit=True) as connection:
        walker, _ = await nodes(connection)
        await weeks.ask(connection, walker, week(FIRST), NOW_MS, [])
        await weeks.ask(connection, walker, week(FIRST + 2), NOW_MS, [])
        assert weeks.verdict(walker, week(FIRST + 2), NOW_MS) is False
