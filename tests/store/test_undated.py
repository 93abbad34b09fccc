"""Undated samples get their times: on the way of all samples, each slice in one transaction, and never for show."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_process.clock import from_ms, to_ms
from siloscope_store import samples, undated
from siloscope_store.errors import WeeksClosed
from siloscope_store.samples import SPAN_MS, Undated
from siloscope_store.undated import Rule, Selection
from tests.store.farm import Farm, Group

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WRONG = datetime(2000, 1, 1, tzinfo=UTC)
EPOCH = "0123456789abcdef" * 2


@pytest.fixture
def head(farm: Farm) -> Group:
    """A cable head of two sensors."""
    return farm.group("head", [("t1", "temperature", "Cel"), ("t2", "temperature", "Cel")])


async def keep(
    connection: AsyncConnection[Any],
    farm: Farm,
    head: Group,
    times: Sequence[datetime],
    values: Sequence[float | None] = (1.0, 2.0),
    seq: int = 1,
    arrived_at: datetime = NOW,
) -> None:
    """Keep one pack's undated samples."""
    await samples.keep_undated(
        connection,
        [
            Undated(farm.org_id, farm.node_id, head.group_id, to_ms(at), values, None, EPOCH, seq, arrived_at)
            for at in times
        ],
    )


def stored(owner: Connection[Any]) -> list[tuple[Any, ...]]:
    return owner.execute('SELECT time, "values" FROM sample ORDER BY time').fetchall()


def left(owner: Connection[Any]) -> int:
    row = owner.execute("SELECT count(*) FROM undated").fetchone()
    assert row is not None
    return int(row[0])


async def test_a_dry_run_changes_nothing(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, head: Group
) -> None:
    await keep(connection, farm, head, [WRONG, WRONG + timedelta(seconds=10)])
    wanted = Selection(farm.org_id, farm.node_id)
    shift_ms = to_ms(NOW) - to_ms(WRONG)
    found = await undated.preview(connection, wanted, Rule(shift_ms), now=NOW)
    assert (found.samples, found.first, found.last) == (2, NOW, NOW + timedelta(seconds=10))
    assert (stored(owner), left(owner)) == ([], 2)
    (pile,) = await undated.piles(connection, farm.org_id)
    assert (pile.organisation, pile.site, pile.node, pile.samples) == ("ours", "yard", "pi", 2)
    assert pile.median_behind_ms in (shift_ms, shift_ms - 10_000)


async def test_a_shift_writes_the_samples_and_removes_them_here(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, head: Group
) -> None:
    await keep(connection, farm, head, [WRONG, WRONG + timedelta(seconds=10)])
    rule = Rule(to_ms(NOW) - to_ms(WRONG) - 10_000)
    done = await undated.redate(connection, Selection(farm.org_id, farm.node_id), rule, actor="user:ada", now=NOW)
    assert (done.samples, done.new, done.conflicts, done.unbelievable) == (2, 2, 0, 0)
    assert stored(owner) == [(NOW - timedelta(seconds=10), [1.0, 2.0]), (NOW, [1.0, 2.0])]
    assert left(owner) == 0
    assert owner.execute('SELECT times, "values" FROM latest').fetchall() == [([NOW, NOW], [1.0, 2.0])]
    assert owner.execute("SELECT actor, action, detail->>'samples' FROM audit").fetchall() == [
        ("user:ada", "undated.redate", "2")
    ]
    touched = owner.execute("SELECT DISTINCT group_id, bucket FROM rollup_touched ORDER BY bucket").fetchall()
    assert [row[0] for row in touched] == [head.group_id] * 2


async def test_by_arrival_the_newest_of_a_pack_is_as_old_as_the_pack(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, head: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undated, "SLICE", 2)  # a pack is spread over slices, and stays together all the same
    times = [WRONG + timedelta(seconds=10 * at) for at in range(5)]
    await keep(connection, farm, head, times)
    await keep(connection, farm, head, [WRONG], seq=2, arrived_at=NOW + timedelta(seconds=10))
    wanted = Selection(farm.org_id, farm.node_id)
    done = await undated.redate(connection, wanted, Rule(by_arrival=True), actor="user:ada", now=NOW)
    assert done.samples == 6
    assert [row[0] for row in stored(owner)] == [NOW + timedelta(seconds=10 * at) for at in range(-4, 2)]


async def test_what_is_there_stays_and_what_differs_is_a_conflict(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, head: Group
) -> None:
    farm.samples(head, [(NOW, [1.0, None], None)])
    farm.latest(head, NOW + timedelta(hours=1), [9.0, 9.0])
    await keep(connection, farm, head, [WRONG], (5.0, 2.0), seq=7)
    rule = Rule(to_ms(NOW) - to_ms(WRONG))
    done = await undated.redate(connection, Selection(farm.org_id, farm.node_id), rule, actor="user:ada", now=NOW)
    assert (done.samples, done.new, done.conflicts) == (1, 0, 1)
    assert stored(owner) == [(NOW, [1.0, 2.0])]
    conflict = "SELECT position, kept_value, other_value, kept_seq, other_seq FROM sample_conflict"
    assert owner.execute(conflict).fetchall() == [(0, 1.0, 5.0, None, 7)]
    assert owner.execute('SELECT "values" FROM latest').fetchall() == [([9.0, 9.0],)]


async def test_a_clock_that_stood_still_gives_conflicts_and_loses_nothing(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, head: Group
) -> None:
    for seq, value in enumerate((1.0, 2.0, 3.0), start=1):
        await keep(connection, farm, head, [WRONG], (value, 0.0), seq=seq)
    rule = Rule(to_ms(NOW) - to_ms(WRONG))
    done = await undated.redate(connection, Selection(farm.org_id, farm.node_id), rule, actor="user:ada", now=NOW)
    assert (done.samples, done.conflicts) == (3, 2)
    assert left(owner) == 0
    assert stored(owner) == [(NOW, [1.0, 0.0])]
    assert owner.execute("SELECT other_value FROM sample_conflict ORDER BY 1").fetchall() == [(2.0,), (3.0,)]


async def test_times_that_still_cannot_be_stay_here(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, head: Group
) -> None:
    await keep(connection, farm, head, [WRONG, from_ms(-5_000)])
    rule = Rule(to_ms(NOW) - to_ms(WRONG) + 2 * 86_400_000)
    wanted = Selection(farm.org_id, farm.node_id)
    assert (await undated.preview(connection, wanted, Rule(), now=NOW)).unbelievable == 1
    done = await undated.redate(connection, wanted, rule, actor="user:ada", now=NOW)
    assert (done.samples, done.unbelievable) == (1, 1)
    assert left(owner) == 1


async def test_many_weeks_are_opened_only_where_somebody_says_how_many(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, head: Group
) -> None:
    weeks = [NOW - timedelta(milliseconds=SPAN_MS * at) for at in range(300, 320)]  # no other test was there
    await keep(connection, farm, head, [*weeks, weeks[3] - timedelta(seconds=1), from_ms(-5_000)])
    wanted = Selection(farm.org_id, farm.node_id)
    assert (await undated.preview(connection, wanted, Rule(), now=NOW)).new_weeks == 20
    for open_weeks in ({}, {"open_weeks": 19}):
        with pytest.raises(WeeksClosed, match="of 20 weeks that nothing is stored of yet, expected at most"):
            await undated.redate(connection, wanted, Rule(), actor="user:ada", now=NOW, **open_weeks)
    assert (left(owner), stored(owner)) == (22, [])
    farm.samples(head, [(weeks[0], [1.0, 2.0], None)])
    assert (await undated.preview(connection, wanted, Rule(), now=NOW)).new_weeks == 19
    done = await undated.redate(connection, wanted, Rule(), actor="user:ada", now=NOW, open_weeks=19)
    assert (done.new_weeks, left(owner)) == (19, 1)
    assert (await undated.preview(connection, wanted, Rule(), now=NOW)).new_weeks == 0


async def test_a_hundred_weeks_come_in_eight_at_a_time(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, head: Group
) -> None:
    weeks = [NOW - timedelta(milliseconds=SPAN_MS * at) for at in range(20)]
    await keep(connection, farm, head, weeks)
    wanted = Selection(farm.org_id, farm.node_id)
    done = await undated.redate(connection, wanted, Rule(), actor="user:ada", now=NOW, open_weeks=20)
    assert (done.samples, left(owner)) == (20, 0)
    assert len(stored(owner)) == 20


async def test_another_organisations_samples_are_out_of_reach(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, foreign: Farm, head: Group
) -> None:
    await keep(connection, farm, head, [WRONG])
    assert await undated.piles(connection, foreign.org_id) == []
    wanted = Selection(foreign.org_id, farm.node_id)
    done = await undated.redate(connection, wanted, Rule(), actor="user:bob", now=NOW)
    assert (done.samples, left(owner)) == (0, 1)
