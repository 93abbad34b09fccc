"""Rounds of the engine: readings in, transitions out."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siloscope_alerting.columns import BoundRule, Catalogue, Maintenance
from siloscope_alerting.life import Key, Memory
from siloscope_contract.alerts.selectors import Matcher, Selector
from siloscope_contract.alerts.words import Reason, SubjectKind
from tests.alerting.engine.stand import BIN, HOT, NODE, ORGANISATION, SITE, Stand, at_ms, channel, rule

MUTE = {"kind": "no_data", "intervals": 3.0}


def hot(**also: Any) -> Any:
    return rule("hot", HOT, **also)


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


def test_late_readings_open_nothing() -> None:
    stand = Stand([channel(1)], [hot()])
    stand.round((1, 1, 40), late=True)
    assert stand.told == []


def test_an_outage_within_a_hold_that_the_backlog_fills_did_not_break_it() -> None:
    stand = Stand([channel(1)], [hot(hold="30m")])
    stand.play(1, [31] * 20)
    stand.play(1, [31] * 4, begin=26)
    stand.round(*((1, minute, 31.0) for minute in range(21, 26)), late=True, at=29)
    assert stand.reasons()[-1] == "late_history"
    stand.play(1, [31, 31, 31], begin=30)
    assert stand.state(1) == "F"


def test_an_outage_that_nothing_fills_breaks_it() -> None:
    stand = Stand([channel(1)], [hot(hold="30m")])
    stand.play(1, [31] * 20)
    stand.play(1, [31] * 10, begin=26)
    assert stand.state(1) == "p"


def test_at_the_end_of_a_hold_stored_history_is_asked_for_its_gap_once() -> None:
    stand = Stand([channel(1)], [hot(hold="30m")])
    stand.play(1, [31] * 20)
    stand.play(1, [31] * 7, begin=26)
    wanted = dict(stand.engine.wanted_history())
    assert wanted == {0: 31 * 60_000}
    assert stand.engine.wanted_history() == {}
    minutes = np.arange(1, 33)
    stand.engine.recall({0: (np.array([at_ms(float(each)) for each in minutes]), np.full(len(minutes), 31.0))})
    stand.play(1, [31, 31], begin=33)
    assert stand.state(1) == "F"


def test_what_late_data_shows_is_told_as_the_past() -> None:
    stand = Stand([channel(1)], [hot(hold="2m")])
    stand.round((1, 60, 24))
    stand.round(*((1, minute, 31.0 if 10 <= minute < 20 else 25.0) for minute in range(1, 30)), late=True, at=61)
    (found,) = stand.retrospects
    assert (found.from_ms, found.to_ms) == (at_ms(10), at_ms(19))
    assert (found.worst, found.now, found.unit) == (31.0, 24.0, "Cel")
    assert stand.told == []


def test_an_excursion_that_goes_on_in_the_next_batch_is_told_again_longer() -> None:
    stand = Stand([channel(1)], [hot()])
    stand.round((1, 60, 24))
    for begin in (1, 11):
        stand.round(*((1, minute, 31.0 + minute) for minute in range(begin, begin + 10)), late=True, at=61)
    assert [(each.from_ms, each.to_ms, each.worst) for each in stand.retrospects] == [
        (at_ms(1), at_ms(10), 41.0),
        (at_ms(1), at_ms(20), 51.0),
    ]


def test_the_past_of_an_episode_that_is_told_is_not_told_again() -> None:
    stand = Stand([channel(1)], [hot()])
    stand.play(1, [31])
    stand.round((1, 60, 24))
    stand.round(*((1, minute, 31.0) for minute in range(2, 30)), late=True, at=61)
    assert stand.retrospects == []


def test_an_excursion_before_what_fires_now_is_told_all_the_same() -> None:
    stand = Stand([channel(1)], [hot()])
    stand.play(1, [31], begin=60)
    stand.round(*((1, minute, 31.0 if 10 <= minute < 20 else 25.0) for minute in range(1, 30)), late=True, at=61)
    assert [(each.from_ms, each.to_ms) for each in stand.retrospects] == [(at_ms(10), at_ms(19))]
    stand.round(*((1, minute, 31.0) for minute in range(50, 62)), late=True, at=63)
    assert len(stand.retrospects) == 1


def test_an_excursion_shorter_than_the_hold_is_none() -> None:
    stand = Stand([channel(1)], [hot(hold="5m")])
    stand.round((1, 60, 24))
    stand.round((1, 9, 20), (1, 10, 31), (1, 12, 31), (1, 13, 20), late=True, at=61)
    assert stand.retrospects == []


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


def test_a_rule_that_is_new_is_judged_by_what_is_known() -> None:
    stand = Stand([channel(1)], [])
    stand.round((1, 1, 31))
    stand.rearrange(rules=[BoundRule(1, 1, ORGANISATION, hot())])
    stand.round(at=1.5)
    assert stand.state(1) == "F"


def test_after_a_restart_nothing_is_told_again() -> None:
    stand = Stand([channel(1), channel(2)], [hot()])
    stand.round((1, 1, 31), (2, 1, 20))
    again = Stand(stand.channels, [hot()], stand.memories)
    again.engine.take_known(again.readings([(1, 1, 31), (2, 1, 20)]))
    again.round(at=1.5)
    assert again.told == []
    again.round((1, 2, 20))
    assert again.reasons() == ["below_clear", "cleared"]


def test_after_a_restart_what_is_silent_since_long_is_known() -> None:
    again = Stand([channel(1)], [rule("mute", MUTE)])
    again.engine.take_known(again.readings([(1, 1, 20)]))
    again.round(at=60)
    assert again.reasons() == ["silent", "held"]


def test_after_a_restart_it_is_still_known_which_mute_channel_is_harmless() -> None:
    for last, state in ((20.0, "o"), (31.0, "u")):
        stand = Stand([channel(1), channel(2)], [hot(per="place")])
        stand.round((1, 1, 31), (2, 1, last))
        stand.round((1, 2, 31), (2, 2, None))
        again = Stand(stand.channels, [hot(per="place")], stand.memories)
        again.engine.take_known(again.readings([(1, 2, 31), (2, 2, None)]))
        recall(again, [(1, 1, 31), (2, 1, last), (1, 2, 31), (2, 2, None)])
        again.round((1, 3, 20))
        assert again.state(BIN, kind=SubjectKind.PLACE) == state


def test_a_rule_that_is_removed_ends_its_alerts_by_name() -> None:
    stand = Stand([channel(1)], [hot()])
    stand.play(1, [31])
    outcome = stand.rearrange(rules=[])
    assert [(each.change.after.value, each.change.reason.value) for each in outcome.transitions] == [
        ("resolved", "rule_removed")
    ]
    assert stand.memories == {}


def test_a_subject_that_a_rule_no_longer_meets_ends_by_name() -> None:
    stand = Stand([channel(1)], [hot(select={"place_kinds": ["bin"]})])
    stand.play(1, [31])
    stand.rearrange(channels=[channel(1, place_kind="room")])
    assert stand.reasons()[-1] == "out_of_scope"


def test_a_rule_that_changed_what_it_watches_says_so_and_one_that_changed_its_level_goes_on() -> None:
    stand = Stand([channel(1), channel(2)], [hot()])
    stand.round((1, 1, 31), (2, 1, 33))
    narrower = msgspec.structs.replace(hot(), select=Selector(channels=("t2",)))
    stand.rearrange(rules=[BoundRule(1, 2, ORGANISATION, narrower)])
    assert stand.told[-1] == ("hot", 1, "resolved", "rule_changed")
    higher = rule("hot", {"kind": "threshold", "above": 35.0}, select={"channels": ["t2"]})
    stand.rearrange(rules=[BoundRule(1, 3, ORGANISATION, higher)])
    stand.round(at=1.5)
    assert stand.told[-1] == ("hot", 2, "resolved", "cleared")


def test_windows_and_what_is_known_outlive_a_change_of_channels_and_of_rules() -> None:
    rate = rule("rate", {"kind": "rate", "rises": 3.0, "within": "5m"})
    stand = Stand([channel(1)], [rate])
    assert stand.engine.wanted_history() == {0: 300_000}
    stand.engine.recall({0: (np.array([at_ms(0)]), np.array([20.0]))})
    stand.play(1, [20, 20, 20])
    stand.rearrange(channels=[channel(0), channel(1)])
    assert stand.engine.wanted_history() == {0: 300_000}, "of the new channel alone"
    stand.rearrange(rules=[BoundRule(1, 2, ORGANISATION, msgspec.structs.replace(rate, name="Rises"))])
    stand.round((1, 4, 24.0))
    assert stand.state(1) == "F"


def test_a_change_of_channels_forgets_no_harmless_mute_one() -> None:
    stand = Stand([channel(1), channel(2)], [hot(per="place")])
    stand.round((1, 1, 31), (2, 1, 20))
    stand.round((1, 2, 31), (2, 2, None))
    stand.rearrange(channels=[channel(1), channel(2), channel(3)])
    stand.round((1, 3, 20))
    assert stand.state(BIN, kind=SubjectKind.PLACE) == "o"


def test_the_same_channels_again_are_not_taken_anew() -> None:
    stand = Stand([channel(1)], [hot()])
    catalogue = Catalogue(stand.channels)
    stand.engine.arrange(catalogue, stand.rules, {})
    stand.round((1, 1, 31))
    outcome = stand.engine.arrange(catalogue, [], stand.memories)
    assert [each.change.reason for each in outcome.transitions] == [Reason.RULE_REMOVED]


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


def recall(stand: Stand, said: Sequence[tuple[int, float, float | None]]) -> None:
    rows = {each.channel_id: row for row, each in enumerate(stand.channels)}
    wanted = stand.engine.wanted_history()
    found = {}
    for channel_id, row in rows.items():
        mine = sorted(each for each in said if each[0] == channel_id and row in wanted)
        values = [np.nan if value is None else value for _, _, value in mine]
        found[row] = (np.array([at_ms(minute) for _, minute, _ in mine], np.int64), np.array(values, np.float64))
    stand.engine.recall(found)
