"""Silence, return and what came late, over a real database."""

from datetime import datetime, timedelta

import pytest

from siloscope_contract.alerts.words import Cause
from tests.alerting.conftest import AlertFarm
from tests.alerting.watch.evaluation import Evaluation, silence
from tests.store.farm import Group

HOT = {"kind": "threshold", "above": 30.0, "clear": 28.0}


def late(farm: AlertFarm, group: Group, values: list[float], *, first_ago_s: float, every_s: float = 60) -> None:
    """Store a backlog: samples of the past, with the marks that ingest sets."""
    at = farm.now()
    rows: list[tuple[datetime, list[float | None], list[int | None] | None]] = [
        (at - timedelta(seconds=first_ago_s - n * every_s), [v] * 6, None) for n, v in enumerate(values)
    ]
    farm.samples(group, rows)
    farm.connection.execute(
        "INSERT INTO sample_late (group_id, bucket, samples) "
        "SELECT %s, date_bin('15 minutes', t, TIMESTAMPTZ '1970-01-01 00:00:00+00'), count(*) "
        "FROM unnest(%s::timestamptz[]) AS t GROUP BY 2",
        (group.group_id, [row[0] for row in rows]),
    )


def age_marks(farm: AlertFarm, seconds: float) -> None:
    """Let marks be so old: the backlog has paused since."""
    farm.connection.execute(
        "UPDATE alert_late_mark SET arrived_at = clock_timestamp() - make_interval(secs => %s)", (seconds,)
    )


@pytest.fixture
def big(evaluation: Evaluation) -> list[Group]:
    """Four hundred more channels, all of the farm's first node."""
    channels = [(f"c{number}", "temperature", "Cel") for number in range(40)]
    groups = [evaluation.farm.group(f"big-{number}", channels) for number in range(10)]
    for group in groups:
        evaluation.farm.latest(group, evaluation.farm.now(), [20.0] * 40)
    return groups


async def test_a_site_of_400_channels_that_goes_silent_is_one_message(evaluation: Evaluation, big: list[Group]) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT)
    evaluation.rule("quiet", condition={"kind": "no_data"})
    evaluation.rule("node-quiet", condition={"kind": "no_data", "of": "node"})
    evaluation.rule("site-quiet", condition={"kind": "no_data", "of": "site"}, severity="critical")
    for cable in farm.cables:
        farm.latest(cable, farm.now(), [20.0] * 6)
    farm.latest(farm.mast, farm.now(), [20.0] * 3)
    farm.latest(big[0], farm.now(), [31.0, 32.0, *[20.0] * 38])
    await evaluation.turn()
    assert evaluation.told.kinds == ["firing"]
    silence(farm)
    await evaluation.begin()
    for _ in range(20):
        await evaluation.turn()
    assert evaluation.told.kinds == ["firing", "firing"]
    incident = evaluation.told.messages[-1][1]
    assert incident.cause is Cause.SITE_SILENT
    assert (incident.facts["silent_channels"], incident.facts["channels"]) == (433, 433)
    assert len(incident.facts["firing"]) == 2
    hot = farm.connection.execute(
        "SELECT a.state, a.reason FROM alert AS a JOIN alert_rule AS r USING (rule_id) WHERE r.slug = 'hot'"
    ).fetchall()
    assert hot == [("unknown", "site_silent")] * 2


async def test_after_a_restart_who_is_silent_is_not_told_again(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT)
    for cable in farm.cables:
        farm.latest(cable, farm.now(), [20.0] * 6)
    farm.latest(farm.mast, farm.now(), [20.0] * 3)
    silence(farm)
    for trusted in (True, True, False):
        if not trusted:  # nobody judged for an hour: who was told to be silent stays so
            farm.connection.execute("UPDATE alert_evaluator SET evaluated_to = clock_timestamp() - interval '1 hour'")
        await evaluation.begin()
        for _ in range(3):
            await evaluation.turn()
    assert evaluation.told.kinds == ["firing"]


async def test_after_an_outage_of_ours_nobody_is_called_silent(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    for cable in farm.cables:
        farm.latest(cable, farm.now(), [20.0] * 6)
    silence(farm)
    farm.connection.execute("UPDATE alert_evaluator SET evaluated_to = clock_timestamp() - interval '10 minutes'")
    await evaluation.begin()
    for _ in range(3):
        await evaluation.turn()
    assert evaluation.told.kinds == []


async def test_while_ingest_is_away_silence_is_unknown(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("quiet", condition={"kind": "no_data"})
    for cable in farm.cables:
        farm.latest(cable, farm.now(), [20.0] * 6)
    silence(farm)
    farm.ingest_runs(connected=False)
    await evaluation.begin()
    for _ in range(3):
        await evaluation.turn()
    assert evaluation.told.kinds == []
    assert evaluation.states() == []


async def test_a_backlog_with_an_excursion_is_one_notice_with_the_return(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT)
    for cable in farm.cables:
        farm.latest(cable, farm.now(), [20.0] * 6)
    farm.latest(farm.mast, farm.now(), [20.0] * 3)
    silence(farm, 21_600)
    await evaluation.turn()
    assert evaluation.told.kinds == ["firing"]
    farm.hear()
    for cable in farm.cables:
        farm.latest(cable, farm.now(), [24.0] * 6)
        farm.connection.execute("UPDATE latest SET updated_at = now() WHERE group_id = %s", (cable.group_id,))
    late(farm, farm.cables[0], [20.0] * 30 + [31.0] * 60 + [20.0] * 30, first_ago_s=14_400)
    await evaluation.turn()
    assert evaluation.told.kinds == ["firing"]  # it waits for the backlog to pause
    age_marks(farm, 11)
    await evaluation.turn()
    assert farm.connection.execute("SELECT count(*) FROM alert_late_mark").fetchone() == (0,)
    assert evaluation.states() == [("clearing", "data_back"), *[("resolved", "late_excursion")] * 6]
    returned_long_ago = "UPDATE alert_incident SET facts = jsonb_set(facts, '{book,returned_ms}', '1')"
    farm.connection.execute(returned_long_ago)
    await evaluation.begin()
    await evaluation.turn()
    await evaluation.turn()
    assert evaluation.told.kinds == ["firing", "retrospective"]
    lines = evaluation.told.messages[-1][1].facts["retrospects"]
    assert len(lines) == 6
    assert {(each["worst"], each["now"], each["unit"]) for each in lines} == {(31.0, 24.0, "Cel")}


async def test_what_was_told_in_time_is_no_excursion_of_the_past_after_a_restart_either(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT, clear_hold="0s")
    group = farm.cables[0]
    for value in (31.0, 20.0):
        farm.latest(group, farm.now(), [value] * 6)
        await evaluation.turn()
    assert evaluation.states() == [("resolved", "cleared")] * 6
    farm.connection.execute(
        "UPDATE alert SET began_at = began_at - interval '2 hours', fired_at = fired_at - interval '2 hours', "
        "ended_at = ended_at - interval '1 hour'"
    )
    await evaluation.begin()
    late(farm, group, [31.0] * 10, first_ago_s=6_000)
    age_marks(farm, 11)
    await evaluation.turn()
    assert evaluation.states() == [("resolved", "cleared")] * 6
    late(farm, group, [31.0] * 10, first_ago_s=2_400)
    age_marks(farm, 11)
    evaluation.clock.advance(2)
    await evaluation.turn()
    assert ("resolved", "late_excursion") in evaluation.states()


async def test_a_mark_that_is_set_between_look_and_write_is_left(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT)
    late(farm, farm.cables[0], [20.0], first_ago_s=3_600)
    age_marks(farm, 60)
    await evaluation.turn()
    assert farm.connection.execute("SELECT count(*) FROM alert_late_mark").fetchone() == (0,)
    late(farm, farm.cables[1], [20.0], first_ago_s=3_600)
    age_marks(farm, 60)
    evaluation.clock.advance(2)
    news = await evaluation.watch.news()
    assert news is not None
    assert len(news.marks) == 1
    farm.connection.execute("INSERT INTO alert_late_mark SELECT group_id, bucket, arrived_at FROM alert_late_mark")
    await evaluation.watch.keep(news, evaluation.loop._evaluator.round(news.readings, news.judgement))
    assert farm.connection.execute("SELECT count(*) FROM alert_late_mark").fetchone() == (1,)


async def test_a_hold_survives_an_outage_that_the_backlog_fills(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT, hold="30m")
    group = farm.cables[0]
    at = farm.now()

    def sample(ago_s: float) -> None:
        farm.latest(group, at - timedelta(seconds=ago_s), [31.0] * 6)
        farm.connection.execute("UPDATE latest SET updated_at = times[1] WHERE group_id = %s", (group.group_id,))

    sample(1_810)
    await evaluation.turn()
    for ago_s in range(1_800, 1_200, -60):
        sample(ago_s)
        await evaluation.turn()
    sample(0)
    await evaluation.turn()
    assert {state for state, _ in evaluation.states()} == {"pending"}
    late(farm, group, [31.0] * 42, first_ago_s=1_240, every_s=30)
    age_marks(farm, 11)
    await evaluation.turn()
    farm.latest(group, farm.now(), [31.0] * 6)
    await evaluation.turn()
    assert {state for state, _ in evaluation.states()} == {"firing"}


async def test_what_waits_untold_survives_a_restart(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT)
    farm.latest(farm.cables[0], farm.now(), [24.0] * 6)
    await evaluation.turn()
    late(farm, farm.cables[0], [31.0] * 5, first_ago_s=3_600, every_s=30)
    age_marks(farm, 11)
    await evaluation.turn()
    assert evaluation.told.kinds == []  # more may come
    await evaluation.begin()
    await evaluation.turn()
    assert {each.cause for each in evaluation.watch._causes} == {Cause.RETROSPECTIVE}
    assert [len(each.alerts) for each in evaluation.watch._causes] == [6]


async def test_a_maintenance_window_opens_nothing(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("hot", condition=HOT)
    farm.connection.execute(
        "INSERT INTO alert_silence (org_id, kind, selector, begins, ends, author) VALUES "
        "(%s, 'maintenance', '{}', now() - interval '1 h', now() + interval '1 h', 'test')",
        (farm.org_id,),
    )
    farm.latest(farm.cables[0], farm.now(), [31.0] * 6)
    await evaluation.turn()
    assert evaluation.states() == []
    farm.connection.execute("UPDATE alert_silence SET ended_at = now() - interval '1 s', ended_by = 'test'")
    await evaluation.begin()
    farm.latest(farm.cables[0], farm.now(), [31.0] * 6)
    await evaluation.turn()
    assert evaluation.states() == [("firing", "held")] * 6
