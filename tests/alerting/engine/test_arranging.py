"""Channels and rules that change, and a restart: nothing is forgotten, nothing told again."""

import msgspec
import numpy as np

from siloscope_alerting.columns import BoundRule, Catalogue
from siloscope_contract.alerts.selectors import Selector
from siloscope_contract.alerts.words import Reason, SubjectKind
from tests.alerting.engine.stand import BIN, ORGANISATION, Stand, at_ms, channel, hot, recall, rule

MUTE = {"kind": "no_data", "intervals": 3.0}


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
