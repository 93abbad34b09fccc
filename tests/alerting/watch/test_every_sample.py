"""Every sample that ingest commits is judged, however many come between two looks and in whatever order."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection

from tests.alerting.conftest import AlertFarm, another
from tests.alerting.watch.evaluation import Evaluation
from tests.alerting.watch.ingesting import Sample, Worker

HOT = {"kind": "threshold", "above": 30.0, "clear": 28.0}
ONCE = ["pending firing clearing resolved"]


@pytest.fixture
async def worker(alert_farm: AlertFarm) -> AsyncIterator[Worker]:
    async with another(alert_farm.url) as connection:
        worker = Worker(connection)
        await worker.begin()
        yield worker


@pytest.fixture
async def other_worker(alert_farm: AlertFarm) -> AsyncIterator[Worker]:
    async with another(alert_farm.url) as connection:
        worker = Worker(connection)
        await worker.begin()
        yield worker


def cable(farm: AlertFarm, ago_s: float, first: float = 20.0, number: int = 0, second: float = 20.0) -> Sample:
    """A whole sample of a cable; its first two channels read these."""
    return Sample(farm.cables[number], ago_s, {0: first, 1: second, 2: 20.0, 3: 20.0, 4: 20.0, 5: 20.0})


async def blocked(connection: AsyncConnection[Any]) -> None:
    """Wait until somebody waits for a lock."""
    while True:
        found = await connection.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        if await found.fetchone() != (0,):
            return


async def begun(evaluation: Evaluation, worker: Worker, **rule: Any) -> AlertFarm:
    """Watch a rule; all cables were read 50 seconds ago."""
    evaluation.rule("hot", **({"condition": HOT} | rule))
    farm = evaluation.farm
    await worker.commit(*(cable(farm, 50, number=number) for number in range(5)))
    await evaluation.turn()
    return farm


async def test_a_breach_in_the_middle_of_a_pack_fires(evaluation: Evaluation, worker: Worker) -> None:
    farm = await begun(evaluation, worker)
    await worker.commit(cable(farm, 30), cable(farm, 20, 33.0), cable(farm, 10))
    await evaluation.turn()
    assert evaluation.history() == ONCE
    assert evaluation.told.kinds == ["firing"]
    await evaluation.turn()
    assert evaluation.history() == ONCE


async def test_readings_that_come_faster_than_announced_and_than_looks_are_all_judged(
    evaluation: Evaluation, worker: Worker
) -> None:
    farm = await begun(evaluation, worker)
    for ago_s, value in ((9.0, 20.0), (8.8, 35.0), (8.6, 20.0), (8.4, 34.0), (8.2, 20.0)):
        await worker.commit(cable(farm, ago_s, value))
    await evaluation.turn()
    assert evaluation.history() == ONCE * 2


async def test_a_first_pack_of_a_device_that_nobody_knew_is_judged_whole(
    evaluation: Evaluation, worker: Worker
) -> None:
    farm = await begun(evaluation, worker)
    group = farm.group("new", [("t1", "temperature", "Cel")])
    await worker.commit(*(Sample(group, ago_s, {0: value}) for ago_s, value in ((30, 20.0), (20, 33.0), (10, 20.0))))
    await evaluation.turn()
    assert evaluation.history() == ONCE


@pytest.mark.parametrize(
    ("rule", "fires"),
    [
        pytest.param({"condition": {"kind": "spread", "above": 12.0}}, True, id="spread"),
        pytest.param(
            {"condition": {"kind": "count", "rule": "warm", "state": "firing", "at_least": 1}}, True, id="count"
        ),
        pytest.param({"condition": {"kind": "rate", "rises": 8.0, "within": "20s"}}, True, id="rate"),
        pytest.param({"condition": {"kind": "threshold", "above": 40.0}}, False, id="threshold that is not reached"),
    ],
)
async def test_conditions_of_every_kind_see_what_lay_between(
    evaluation: Evaluation, worker: Worker, rule: dict[str, Any], *, fires: bool
) -> None:
    evaluation.rule("warm", condition=HOT)
    farm = await begun(evaluation, worker, **rule)
    await worker.commit(cable(farm, 40), cable(farm, 30), cable(farm, 20, 33.0))
    await worker.commit(cable(farm, 10), cable(farm, 1))
    await evaluation.turn()
    fired = farm.connection.execute(
        "SELECT count(*) FROM alert JOIN alert_rule USING (rule_id) WHERE slug = 'hot' AND fired_at IS NOT NULL"
    ).fetchone()
    assert fired == (int(fires),)


async def test_a_short_dip_between_two_looks_breaks_a_hold(evaluation: Evaluation, worker: Worker) -> None:
    farm = await begun(evaluation, worker, hold="30s")
    await worker.commit(cable(farm, 12, 33.0))
    await evaluation.turn()
    await worker.commit(cable(farm, 9, 33.0), cable(farm, 8, 20.0), cable(farm, 7, 33.0), cable(farm, 6, 33.0))
    await evaluation.turn()
    assert evaluation.history() == ["pending ok", "pending"]


async def test_a_hold_that_runs_within_a_pack_fires(evaluation: Evaluation, worker: Worker) -> None:
    farm = await begun(evaluation, worker, hold="30s")
    await worker.commit(*(cable(farm, ago_s, 33.0) for ago_s in (45, 35, 25, 14, 4)))
    await evaluation.turn()
    assert evaluation.history() == ["pending firing"]


async def test_two_packs_of_one_sample_are_judged_together(evaluation: Evaluation, worker: Worker) -> None:
    farm = await begun(evaluation, worker)
    at = await worker.now()
    await worker.commit(Sample(farm.cables[0], 10, {0: 33.0}), at=at)
    await evaluation.turn()
    await worker.commit(Sample(farm.cables[0], 10, {1: 34.0, 2: 20.0}), at=at)
    await worker.commit(cable(farm, 1))
    await evaluation.turn()
    assert evaluation.history() == ONCE * 2


async def test_what_another_worker_commits_before_the_next_look_is_judged_in_its_order(
    evaluation: Evaluation, worker: Worker, other_worker: Worker
) -> None:
    farm = await begun(evaluation, worker)
    await other_worker.commit(cable(farm, 5))
    await worker.commit(cable(farm, 12, 33.0))
    await evaluation.turn()
    assert evaluation.history() == ONCE


@pytest.mark.parametrize("by_another", [False, True])
async def test_what_was_overtaken_after_a_look_is_told_as_past(
    evaluation: Evaluation, worker: Worker, other_worker: Worker, *, by_another: bool
) -> None:
    farm = await begun(evaluation, worker)
    await (other_worker if by_another else worker).commit(cable(farm, 5))
    await evaluation.turn()
    await worker.commit(cable(farm, 12, 33.0))
    await evaluation.turn()
    assert evaluation.states() == [("resolved", "late_excursion")]


async def test_a_pack_that_commits_late_is_judged_after_its_commit_and_once(
    evaluation: Evaluation, worker: Worker, other_worker: Worker
) -> None:
    farm = await begun(evaluation, worker)
    async with another(farm.url) as blocker:
        async with blocker.transaction():
            await blocker.execute("SELECT FROM latest WHERE group_id = %s FOR UPDATE", (farm.cables[1].group_id,))
            pack = [cable(farm, ago_s, value, 1) for ago_s, value in ((20, 33.0), (10, 20.0))]
            slow = asyncio.create_task(other_worker.commit(*pack))
            await blocked(blocker)
            await worker.commit(cable(farm, 5))
            await evaluation.turn()
            assert evaluation.history() == []
        await slow
    await evaluation.turn()
    await evaluation.turn()
    assert evaluation.history() == ONCE


@pytest.mark.parametrize("kept", [False, True])
async def test_a_restart_between_two_packs_judges_each_sample_once(
    evaluation: Evaluation, worker: Worker, *, kept: bool
) -> None:
    farm = await begun(evaluation, worker)
    await worker.commit(cable(farm, 40), cable(farm, 35, 33.0), cable(farm, 30))
    if kept:
        await evaluation.turn()
    else:
        await evaluation.watch.news()  # read and never kept: the process ends here
    await evaluation.begin()
    await evaluation.turn()
    assert evaluation.history() == ONCE
    await worker.commit(cable(farm, 20), cable(farm, 15, 34.0), cable(farm, 10))
    await evaluation.begin()
    await evaluation.turn()
    assert evaluation.history() == ONCE * 2


async def test_what_came_in_time_while_nobody_evaluated_is_judged_and_what_came_late_is_not(
    evaluation: Evaluation, worker: Worker
) -> None:
    farm = await begun(evaluation, worker)
    await evaluation.turn()
    at = await worker.now()
    # The evaluator was away for ten minutes, as its cursor says.
    farm.connection.execute(
        "UPDATE alert_evaluator SET feed_cursor = split_part(feed_cursor, '|', 1) || '|' "
        "|| (split_part(feed_cursor, '|', 2)::int8 - 600000) || '|' || split_part(feed_cursor, '|', 3)"
    )
    await worker.commit(cable(farm, 10, 33.0), at=at - timedelta(seconds=300))
    await worker.commit(cable(farm, 10), at=at - timedelta(seconds=290))
    await worker.commit(cable(farm, 200, 34.0, 1), cable(farm, 5, number=1), at=at)
    await evaluation.begin()
    await evaluation.turn()
    assert evaluation.history() == ONCE
    assert evaluation.farm.connection.execute("SELECT count(*) FROM alert_late_mark").fetchone() == (1,)
