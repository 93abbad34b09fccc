"""Rounds over a real database: each change once, whatever is killed in between, and whoever commits late."""

from datetime import timedelta

import pytest

from siloscope_alerting.errors import Fenced
from tests.alerting.conftest import AlertFarm, another
from tests.alerting.watch.evaluation import Evaluation
from tests.store.farm import Group

HOT = {"kind": "threshold", "above": 30.0, "clear": 28.0}
COOL = [20.0] * 6


def read(farm: AlertFarm, group: Group, first: float, *, ago_s: float = 0.0) -> None:
    """Store a sample, the newest of its group; its first channel reads `first`."""
    at = farm.now() - timedelta(seconds=ago_s)
    farm.samples(group, [(at, [first, *COOL[1:]], None)])
    farm.latest(group, at, [first, *COOL[1:]])
    farm.connection.execute("UPDATE latest SET updated_at = clock_timestamp() WHERE group_id = %s", (group.group_id,))


async def test_a_hot_channel_fires_once_and_resolves(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT)
    await evaluation.turn()
    read(farm, farm.cables[0], 31.0)
    await evaluation.turn()
    await evaluation.turn()
    assert evaluation.states() == [("firing", "held")]
    assert evaluation.told.kinds == ["firing"]
    read(farm, farm.cables[0], 20.0)
    await evaluation.turn()
    assert evaluation.history() == ["pending firing clearing resolved"]
    assert evaluation.told.kinds == ["firing"]  # the resolve is told when it has lasted


async def test_an_alert_says_where_it_is(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    rule_id = evaluation.rule("hot", condition=HOT, labels={"team": "night"})
    read(farm, farm.cables[0], 31.0)
    await evaluation.turn()
    row = farm.connection.execute(
        "SELECT rule_id, site_id, node_id, place_id, channel_id, labels, incident_id IS NOT NULL, facts ->> 'value' "
        "FROM alert"
    ).fetchone()
    channel_id = farm.cables[0].channels["t1"]
    assert row == (rule_id, farm.site_id, farm.node_id, farm.bin_id, channel_id, {"team": "night"}, True, "31.0")


async def test_a_row_that_commits_late_is_seen_once(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT)
    read(farm, farm.cables[0], 20.0)
    read(farm, farm.cables[1], 20.0)
    await evaluation.turn()
    statement = (
        "UPDATE latest SET times = array_fill(clock_timestamp(), ARRAY[6]), "
        '"values" = array_fill(31.0::float8, ARRAY[6]), '
        "updated_at = clock_timestamp(), changed_by = pg_current_xact_id() WHERE group_id = %s"
    )
    async with another(farm.url) as slow, another(farm.url) as quick:
        async with slow.transaction():
            await slow.execute(statement, (farm.cables[0].group_id,))
            await quick.execute(statement, (farm.cables[1].group_id,))  # began later, commits first
            await evaluation.turn()
            assert len(evaluation.states()) == 6
        await evaluation.turn()
        assert len(evaluation.states()) == 12
        await evaluation.turn()
    assert evaluation.history() == ["pending firing"] * 12
    assert evaluation.told.kinds == ["firing"]


STORY = [31.0, 31.0, 27.0, 31.0, 29.0, 27.0, 20.0, 20.0, 32.0]
STORY_TOLD = ["pending firing clearing resolved", "pending firing clearing resolved", "pending firing"]


@pytest.mark.parametrize("killed", [None, *range(len(STORY))])
async def test_a_restart_at_any_point_changes_nothing(evaluation: Evaluation, killed: int | None) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT, hold="0s", clear_hold="0s")
    await evaluation.turn()
    for number, value in enumerate(STORY):
        read(farm, farm.cables[0], value)
        if number == killed:
            await evaluation.watch.news()  # read and never kept: the process ends here
            await evaluation.begin()
        await evaluation.turn()
        if number == killed:
            await evaluation.begin()  # and once more, right after it was kept
            await evaluation.turn()
    assert evaluation.history() == STORY_TOLD
    assert evaluation.told.kinds == ["firing"]


async def test_of_two_evaluators_one_writes(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT)
    await evaluation.turn()
    sleeper = evaluation.loop
    await evaluation.begin()
    read(farm, farm.cables[0], 31.0)
    with pytest.raises(Fenced):
        await sleeper.turn()
    assert evaluation.states() == []
    await evaluation.turn()
    assert evaluation.states() == [("firing", "held")]


async def test_what_lay_between_two_looks_is_seen(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT)
    read(farm, farm.cables[0], 20.0, ago_s=40)
    await evaluation.turn()
    at = farm.now()
    farm.samples(farm.cables[0], [(at - timedelta(seconds=20), [33.0, *COOL[1:]], None)])
    read(farm, farm.cables[0], 20.0)
    await evaluation.turn()
    assert evaluation.history() == ["pending firing clearing resolved"]
    assert evaluation.told.kinds == ["firing"]


async def test_a_sample_that_is_overtaken_by_the_next_one_is_told_as_past(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT)
    read(farm, farm.cables[0], 20.0, ago_s=40)
    await evaluation.turn()
    read(farm, farm.cables[0], 20.0, ago_s=11)  # what came before it is not yet committed
    await evaluation.turn()
    farm.samples(farm.cables[0], [(farm.now() - timedelta(seconds=25), [33.0, *COOL[1:]], None)])
    read(farm, farm.cables[0], 20.0)
    await evaluation.turn()
    assert evaluation.states() == [("resolved", "late_excursion")]


async def test_a_new_channel_is_watched_at_once(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT)
    await evaluation.turn()
    group = farm.group("new", [("t1", "temperature", "Cel")])
    farm.latest(group, farm.now(), [35.0])
    await evaluation.turn()
    await evaluation.turn()
    assert evaluation.states() == [("firing", "held")]


async def test_a_rule_that_is_removed_ends_its_alerts(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    rule_id = evaluation.rule("hot", condition=HOT)
    read(farm, farm.cables[0], 31.0)
    await evaluation.turn()
    farm.connection.execute("UPDATE alert_rule SET removed_at = now() WHERE rule_id = %s", (rule_id,))
    await evaluation.turn()
    assert evaluation.states() == [("resolved", "rule_removed")]
    assert farm.connection.execute("SELECT count(*) FROM alert_state").fetchone() == (0,)


async def test_a_reading_from_the_future_waits(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT)
    await evaluation.turn()
    read(farm, farm.cables[0], 31.0, ago_s=-3_600)
    await evaluation.turn()
    assert evaluation.states() == []


async def test_steps_of_our_own_clock_mean_nothing(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT)
    evaluation.rule("quiet", condition={"kind": "no_data"})
    read(farm, farm.cables[0], 31.0)
    for step_s in (86_400, -172_800, 3_600):
        evaluation.clock.jump(step_s)
        farm.hear()
        await evaluation.turn()
    assert evaluation.states() == [("firing", "held")]
    assert evaluation.told.kinds == ["firing"]
