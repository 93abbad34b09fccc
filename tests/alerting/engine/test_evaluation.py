"""Rounds of the engine: readings in, transitions out."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siloscope_alerting.columns import Maintenance
from siloscope_alerting.life import Key, Memory
from siloscope_contract.alerts.selectors import Matcher, Selector
from siloscope_contract.alerts.words import Reason, SubjectKind
from tests.alerting.engine.stand import BIN, HOT, NODE, ORGANISATION, SITE, Stand, at_ms, channel, hot, recall, rule

MUTE = {"kind": "no_data", "intervals": 3.0}


def test_a_reading_above_the_level_fires_and_below_the_clear_level_resolves() -> None:
    stand = Stand([channel(1), channel(2)], [hot()])
    assert stand.play(1, [29, 31, 29, 28]) == "oFFo"
    assert [each[2:] for each in stand.told] == [
        ("pending", "breached"),
        ("firing", "held"),
        ("clearing", "below_clear"),
        ("resolved", "cleared"),
    ]
    assert stand.memories.keys() == {Key(1, SubjectKind.CHANNEL, 1)}, "a firing is remembered for flapping"


def test_the_facts_of_a_change_say_what_was_read() -> None:
    stand = Stand([channel(1)], [hot()])
    stand.round((1, 1, 31.5))
    facts = stand.outcome.transitions[-1].change.facts
    assert facts["kind"] == "threshold"
    assert (facts["value"], facts["unit"], facts["level"], facts["clear"]) == (31.5, "Cel", 30.0, 28.0)
    assert (facts["channel_id"], facts["at_ms"]) == (1, at_ms(1))


def test_transitions_are_numbered_within_an_episode() -> None:
    stand = Stand([channel(1)], [hot()])
    numbers = []
    for minute, value in enumerate([31, 20, 31], 1):
        numbers += [each.number for each in stand.round((1, minute, value)).transitions]
    assert numbers == [1, 2, 3, 4, 1, 2]


def test_several_readings_of_a_channel_in_one_round_are_taken_in_their_order() -> None:
    stand = Stand([channel(1)], [hot(hold="2m")])
    stand.round((1, 3, 31), (1, 1, 31), (1, 4, 20), (1, 2, 31))
    assert stand.reasons() == ["breached", "held", "below_clear", "cleared"]


def test_a_round_in_which_all_is_well_writes_nothing() -> None:
    stand = Stand([channel(1), channel(2)], [hot()])
    outcome = stand.round((1, 1, 20), (2, 1, 21))
    assert (outcome.transitions, outcome.memories, outcome.due_ms, outcome.facts) == (
        [],
        {},
        {},
        {"steps": 0, "subjects": 2},
    )


def test_what_goes_on_firing_writes_nothing_either() -> None:
    stand = Stand([channel(1)], [hot()])
    stand.round((1, 1, 31))
    outcome = stand.round((1, 2, 32))
    assert (outcome.memories, outcome.facts["steps"]) == ({}, 0)


def test_a_hold_is_over_without_a_reading_while_none_is_overdue() -> None:
    stand = Stand([channel(1)], [hot(hold="150s")])
    stand.play(1, [31, 31, 31])
    stand.round(at=3.4)
    assert stand.state(1) == "p"
    stand.round(at=3.6)
    assert stand.state(1) == "F"


@pytest.mark.parametrize(
    ("judged", "reason"),
    [
        ({}, "no_data"),
        ({"silent_nodes": {NODE: 0}}, "node_silent"),
        ({"silent_nodes": {NODE: 0}, "silent_sites": {SITE: 0}}, "site_silent"),
        ({"platform_down": True}, "platform_down"),
    ],
)
def test_what_is_silent_is_unknown_and_never_resolved(judged: dict[str, Any], reason: str) -> None:
    stand = Stand([channel(1)], [hot()])
    stand.play(1, [31])
    stand.round(at=60, **judged)
    assert (stand.state(1), stand.reasons()[-1]) == ("u", reason)
    stand.round((1, 61, 31.0))
    assert (stand.state(1), stand.reasons()[-1]) == ("F", "data_back")


def test_a_silent_node_is_known_before_its_channels_are_overdue() -> None:
    stand = Stand([channel(1)], [hot()])
    stand.play(1, [31])
    stand.round(at=1.5, silent_nodes={NODE: 0})
    assert stand.reasons()[-1] == "node_silent"


def test_bad_readings_are_unknown() -> None:
    stand = Stand([channel(1)], [hot()])
    assert stand.play(1, [31, None, 31, None, 20]) == "FuFuo"
    assert "bad_data" in stand.reasons()


def test_a_mute_channel_counts_for_nothing_where_it_was_harmless() -> None:
    stand = Stand([channel(1), channel(2)], [hot(per="place")])
    stand.round((1, 1, 20), (2, 1, 20))
    stand.round((1, 2, 31), (2, 2, None))
    stand.round((1, 3, 20))
    assert stand.reasons() == ["breached", "held", "below_clear", "cleared"]


def test_a_mute_channel_that_made_it_fire_keeps_it_from_resolving() -> None:
    stand = Stand([channel(1), channel(2)], [hot(per="place")])
    stand.round((1, 1, 20), (2, 1, 31))
    stand.round((1, 2, 20), (2, 2, None))
    assert stand.state(BIN, kind=SubjectKind.PLACE) == "u"


def test_one_rule_serves_a_place_from_all_its_channels() -> None:
    stand = Stand([channel(1), channel(2)], [hot(per="place")])
    stand.round((1, 1, 31), (2, 1, 20))
    stand.round((1, 2, 20), (2, 2, 31))
    stand.round((1, 3, 20), (2, 3, 20))
    assert stand.reasons() == ["breached", "held", "below_clear", "cleared"]


def test_rules_of_another_organisation_see_nothing() -> None:
    stand = Stand([channel(1, org_id=2)], [hot()])
    assert stand.play(1, [31]) == "o"


def test_off_hours_nothing_opens_and_what_fires_clears() -> None:
    stand = Stand([channel(1)], [hot(schedule=[{"since": "00:05", "until": "00:10"}])])
    assert stand.play(1, [31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 20]) == "ooooFFFFFFo"


def test_the_hours_are_those_of_the_site() -> None:
    stand = Stand([channel(1, time_zone="Europe/Kyiv")], [hot(schedule=[{"since": "02:05", "until": "02:10"}])])
    assert stand.play(1, [31, 31, 31, 31, 31]) == "ooooF"


def window(begin: float, end: float, **matcher: Any) -> list[Maintenance]:
    return [Maintenance(ORGANISATION, Matcher(**matcher), at_ms(begin), at_ms(end))]


@pytest.mark.parametrize(
    ("matcher", "states"),
    [
        ({"rules": ("ho*",)}, "oooF"),
        ({"rules": ("cold",)}, "FFFF"),
        ({"labels": {"about": "heating"}}, "oooF"),
        ({"labels": {"about": "frost"}}, "FFFF"),
        ({"select": Selector(places=("bin-7",))}, "oooF"),
        ({"select": Selector(places=("bin-8",))}, "FFFF"),
    ],
)
def test_what_begins_in_maintenance_opens_nothing_before_its_end(matcher: dict[str, Any], states: str) -> None:
    stand = Stand([channel(1)], [hot(labels={"about": "heating"})])
    found = ""
    for minute in range(1, 5):
        stand.round((1, minute, 31.0), maintenance=window(0, 4, **matcher))
        found += stand.state(1)
    assert found == states


def test_maintenance_of_a_channel_does_not_mean_the_place() -> None:
    stand = Stand([channel(1)], [hot(per="place")])
    stand.round((1, 1, 31.0), maintenance=window(0, 4, select=Selector(channels=("t1",))))
    assert stand.state(BIN, kind=SubjectKind.PLACE) == "F"


DEAD = rule("dead", {"kind": "bad_share", "above": 0.5, "within": "5m"})


def test_a_dead_sensor_inhibits_its_threshold() -> None:
    stand = Stand([channel(1)], [hot(inhibited_by=["dead"]), DEAD])
    stand.play(1, [20, None, None, None, 31])
    assert (stand.state(1), stand.state(1, rule_id=2)) == ("p", "F")
    stand.play(1, [31] * 6, begin=6)
    assert (stand.state(1), stand.state(1, rule_id=2)) == ("F", "o")


def test_inhibition_looks_at_the_end_of_the_round_in_whatever_order_rules_and_readings_come() -> None:
    said: list[tuple[int, float, float | None]] = [(1, 1, 20), (1, 2, None), (1, 3, None), (1, 4, None), (1, 5, 31)]
    for rules in ([hot(inhibited_by=["dead"]), DEAD], [DEAD, hot(inhibited_by=["dead"])]):
        stand = Stand([channel(1)], rules)
        stand.round(*said)
        assert "held" not in stand.reasons("hot")


def test_a_rule_for_a_site_inhibits_what_belongs_to_it() -> None:
    stand = Stand([channel(1)], [hot(inhibited_by=["away"]), rule("away", {"kind": "no_data", "of": "node"})])
    stand.round((1, 1, 20), silent_nodes={NODE: at_ms(0)})
    assert stand.state(NODE, rule_id=2, kind=SubjectKind.NODE) == "F"
    stand.round((1, 2, 31), silent_nodes={NODE: at_ms(0)})
    assert (stand.state(1), stand.memories[Key(1, SubjectKind.CHANNEL, 1)].silenced_by) == ("p", Reason.INHIBITED)


def test_readings_from_the_future_wait_for_their_time() -> None:
    stand = Stand([channel(1)], [hot()])
    stand.round((1, 10, 31.0), at=1)
    assert stand.told == []
    stand.round(at=9.5)
    assert stand.reasons() == ["breached", "held"]


def test_an_older_reading_behind_a_newer_one_ends_nothing() -> None:
    stand = Stand([channel(1)], [hot()])
    stand.round((1, 2, 31.0))
    stand.round((1, 1, 20.0))
    stand.round((1, 2, 20.0))
    assert stand.state(1) == "F"


def test_counting_states_of_other_rules_comes_after_them() -> None:
    many = rule("many", {"kind": "count", "state": "firing", "rule": "hot", "at_least": 2})
    stand = Stand([channel(1), channel(2), channel(3)], [many, hot()])
    stand.round((1, 1, 31), (2, 1, 20), (3, 1, 20))
    assert stand.state(BIN, kind=SubjectKind.PLACE) == "o"
    stand.round((2, 2, 31))
    assert stand.state(BIN, kind=SubjectKind.PLACE) == "F"


def test_what_changes_is_written_with_when_it_is_due() -> None:
    stand = Stand([channel(1)], [hot(hold="10m")])
    outcome = stand.round((1, 1, 31))
    assert outcome.due_ms == {Key(1, SubjectKind.CHANNEL, 1): at_ms(11)}


READINGS = st.lists(
    st.tuples(st.integers(1, 3), st.integers(1, 30), st.one_of(st.none(), st.sampled_from([20.0, 29.0, 31.0]))),
    max_size=40,
    unique_by=lambda each: each[:2],
)


@settings(max_examples=25, deadline=None)
@given(READINGS, st.randoms(use_true_random=False))
def test_the_order_of_channels_and_rules_does_not_matter(
    said: Sequence[tuple[int, int, float | None]], chance: Any
) -> None:
    rules = [hot(hold="2m"), rule("cold", {"kind": "threshold", "below": 25.0}, per="place")]
    shuffled = list(said)
    chance.shuffle(shuffled)
    one = Stand([channel(1), channel(2), channel(3)], rules)
    other = Stand([channel(3), channel(1), channel(2)], rules)
    one.round(*said, at=31)
    other.round(*shuffled, at=31)
    assert one.memories == other.memories
    assert sorted(one.told) == sorted(other.told)


@settings(max_examples=25, deadline=None)
@given(READINGS, st.integers(0, 30))
def test_a_restart_between_any_two_rounds_changes_nothing(
    said: Sequence[tuple[int, int, float | None]], restart: int
) -> None:
    """Whatever decides is in the memories."""

    def played(restarts_at: int | None) -> tuple[list[tuple[str, int, str, str]], dict[Key, Memory]]:
        rules = [hot(hold="2m", clear_hold="2m"), DEAD, rule("place", HOT, per="place")]
        stand = Stand([channel(1), channel(2), channel(3)], rules)
        newest: dict[int, tuple[int, float, float | None]] = {}
        for minute in range(1, 32):
            batch = [each for each in said if each[1] == minute]
            stand.round(*batch, at=minute)
            newest |= {each[0]: each for each in batch}
            if minute == restarts_at:
                fresh = Stand(stand.channels, [each.rule for each in stand.rules], stand.memories)
                fresh.told = stand.told
                fresh.engine.take_known(fresh.readings(list(newest.values())))
                recall(fresh, [each for each in said if each[1] <= minute])
                stand = fresh
        return stand.told, stand.memories

    assert played(restart) == played(None)
