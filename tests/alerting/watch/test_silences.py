"""What is silent stands among the alerts, whatever rules there are."""

from siloscope_contract.alerts.words import Cause
from siloscope_store import alert_catalogue, alert_lists, alert_rules
from siloscope_store.connections import borrowed
from tests.alerting.conftest import AlertFarm
from tests.alerting.watch.evaluation import Evaluation, silence


def all_read(farm: AlertFarm) -> None:
    """Let everything be read just now."""
    for cable in farm.cables:
        farm.latest(cable, farm.now(), [20.0] * 6)
    farm.latest(farm.mast, farm.now(), [20.0] * 3)
    farm.connection.execute("UPDATE latest SET updated_at = clock_timestamp()")
    farm.hear()


def return_long_ago(farm: AlertFarm) -> None:
    """Let what came back have come back long ago: its backlog is in."""
    farm.connection.execute("UPDATE alert_incident SET facts = jsonb_set(facts, '{book,returned_ms}', '1')")


def listed(farm: AlertFarm) -> list[tuple[str, str, str, str]]:
    """Return rule, subject, state and reason of all alerts, oldest first."""
    return farm.connection.execute(
        "SELECT r.slug, a.subject_kind, a.state, a.reason FROM alert AS a JOIN alert_rule AS r USING (rule_id) "
        "ORDER BY a.alert_id"
    ).fetchall()


async def test_a_silence_that_no_rule_watches_is_an_alert_from_its_message_to_its_end(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    all_read(farm)
    silence(farm)
    await evaluation.turn()
    assert evaluation.told.kinds == ["firing"]
    assert listed(farm) == [("siloscope-silence", "site", "firing", "silent")]
    async with borrowed(evaluation.pool) as connection:
        counts = await alert_lists.counts(connection, farm.org_id)
        [alert] = await alert_lists.page(connection, farm.org_id, alert_lists.Wanted(open=True), limit=9)
    assert (counts.open, counts.warning, counts.unacknowledged) == (1, 1, 1)
    assert (alert.rule_name, alert.site_slug) == ("Nothing comes", "yard")
    assert (alert.facts["silent_channels"], alert.facts["channels"]) == (33, 33)
    await evaluation.begin()  # another evaluator goes on from there
    all_read(farm)
    await evaluation.turn()
    assert listed(farm) == [("siloscope-silence", "site", "clearing", "data_back")]
    return_long_ago(farm)
    await evaluation.begin()
    await evaluation.turn()
    assert evaluation.told.kinds == ["firing", "resolved"]
    assert listed(farm) == [("siloscope-silence", "site", "resolved", "data_back")]
    assert evaluation.history() == ["firing clearing resolved"]


async def test_a_silence_that_a_rule_watches_stands_there_once(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    evaluation.rule("site-quiet", condition={"kind": "no_data", "of": "site"}, severity="critical")
    all_read(farm)
    silence(farm)
    await evaluation.turn()
    await evaluation.turn()
    assert listed(farm) == [("site-quiet", "site", "firing", "held")]


async def test_a_node_whose_site_follows_is_told_of_by_the_site(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    all_read(farm)
    silence(farm)
    farm.hear(farm.mast_node_id)
    await evaluation.turn()
    farm.connection.execute("UPDATE alert_incident SET opened_at = opened_at - interval '1 minute'")
    for incident in evaluation.watch._causes:
        incident.opened_ms -= 60_000
    await evaluation.turn()
    assert listed(farm) == [("siloscope-silence", "node", "firing", "silent")]
    farm.hear(farm.mast_node_id, ago_s=600)
    evaluation.clock.advance(60)
    await evaluation.turn()
    assert [each.cause for _, each in evaluation.told.messages] == [Cause.NODE_SILENT, Cause.SITE_SILENT]
    assert sorted(listed(farm)) == [
        ("siloscope-silence", "node", "unknown", "site_silent"),
        ("siloscope-silence", "site", "firing", "silent"),
    ]
    all_read(farm)
    await evaluation.turn()
    return_long_ago(farm)
    await evaluation.begin()
    await evaluation.turn()
    assert {each[2] for each in listed(farm)} == {"resolved"}
    assert sorted(evaluation.history()) == ["firing clearing resolved", "firing unknown resolved"]


async def test_nobody_sees_the_rule_that_nobody_wrote_among_the_rules(evaluation: Evaluation) -> None:
    farm = evaluation.farm
    all_read(farm)
    silence(farm)
    await evaluation.turn()
    found = farm.connection.execute("SELECT origin, enabled FROM alert_rule").fetchall()
    assert found == [("builtin", False)]
    async with borrowed(evaluation.pool) as connection:
        assert await alert_rules.current(connection, farm.org_id) == []
        assert await alert_catalogue.rules(connection) == []
        assert not await alert_rules.remove(connection, farm.org_id, "siloscope-silence", author="user:ada")
