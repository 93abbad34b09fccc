"""One message per cause: what is told, when, and what never is."""

from collections.abc import Sequence

import pytest

from siloscope_alerting.watch.causes import CHANGES_MS, group_key
from siloscope_contract.alerts.words import Cause, Severity
from tests.alerting.watch.story import Story, bound


def test_an_alert_is_told_when_it_fires_and_when_it_is_over_for_good() -> None:
    story = Story()
    alert = story.alert()
    assert story.go() == ["firing"]
    assert story.wait(60) == []
    story.end(alert)
    assert story.wait(295) == []
    assert story.wait(10) == ["resolved"]
    assert len(story.causes) == 0


@pytest.mark.parametrize("fires_s", [30, 360])
def test_however_long_it_fires_each_time_its_end_waits_for_the_next_flap(fires_s: int) -> None:
    story, kinds = Story(), []
    for _ in range(8):
        alert = story.alert()
        kinds += story.wait(fires_s)
        story.end(alert)
        kinds += story.wait(120)
    assert kinds == ["firing"]


def test_a_resolve_with_a_clear_hold_of_its_own_waits_for_nothing() -> None:
    story = Story(bound(clear_hold="10m"))
    alert = story.alert()
    story.go()
    story.end(alert)
    assert story.go() == ["resolved"]


def test_alerts_of_one_rule_and_place_are_one_message() -> None:
    story = Story()
    for channel in range(100, 130):
        story.alert(channel)
    assert story.go() == ["firing"]
    assert len(story.last.alerts) == 30


def test_what_joins_is_told_once_in_five_minutes() -> None:
    story = Story()
    story.alert(100)
    assert story.go() == ["firing"]
    kinds = []
    for channel in range(101, 111):
        story.alert(channel)
        kinds += story.wait(60)
    assert kinds == ["changed", "changed"]
    assert CHANGES_MS == 300_000


def test_alerts_of_two_groups_are_two_messages() -> None:
    story = Story(bound(1), bound(2))
    story.alert(100, 1)
    story.alert(100, 2)
    assert story.go() == ["firing", "firing"]


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        (("rule", "place"), "rule/1 place/70"),
        (("subject",), "channel/100"),
        (("site",), "site/7"),
        (("node", "rule"), "node/1 rule/1"),
        ((), "all"),
    ],
)
def test_rules_say_what_is_one_message(group_by: Sequence[str], expected: str) -> None:
    assert group_key(bound(group_by=group_by), Story().alert()) == expected


def test_what_has_no_place_is_grouped_by_its_node() -> None:
    alert = Story().alert()
    alert.place_id = None
    assert group_key(bound(), alert) == "rule/1 node/1"


def test_an_alert_that_fires_again_before_its_resolve_was_told_is_no_news() -> None:
    story = Story()
    first = story.alert()
    story.go()
    story.end(first)
    story.wait(60)
    second = story.alert()
    assert story.wait(600) == []
    story.end(second)
    assert story.wait(301) == ["resolved"]


def test_what_fires_again_long_after_it_ended_is_told_though_others_still_fire() -> None:
    story = Story()
    first, _ = story.alert(100), story.alert(101)
    story.go()
    story.end(first)
    assert story.wait(3600) == []
    story.alert(100)
    assert story.go() == ["changed"]


def test_one_that_flaps_hides_no_other_that_fires() -> None:
    story = Story()
    flapper = story.alert(100)
    story.go()
    flapper.flapping = True
    assert story.go() == ["changed"]
    story.alert(101)
    assert story.wait(CHANGES_MS / 1000 + 5) == ["changed"]


def test_a_hundred_flaps_are_two_messages() -> None:
    story = Story()
    alert = story.alert()
    kinds = story.go()
    for flap in range(100):
        alert.flapping = alert.flapping or flap >= 3
        if not alert.flapping:
            story.end(alert)
            kinds += story.wait(20)
            alert = story.alert()
        kinds += story.wait(20)
    assert kinds == ["firing", "changed"]
    assert story.last.cause is Cause.FLAPPING
    alert.flapping = False
    story.end(alert)
    assert story.wait(310) == ["resolved"]


def test_an_episode_that_began_and_ended_within_a_round_is_told_all_the_same() -> None:
    story = Story()
    story.end(story.alert())
    assert story.go() == ["firing"]
    assert story.wait(301) == ["resolved"]


def test_the_worst_alert_says_how_much_an_incident_matters() -> None:
    story = Story()
    story.alert(100)
    story.alert(101, severity=Severity.CRITICAL)
    story.go()
    assert story.last.severity is Severity.CRITICAL
