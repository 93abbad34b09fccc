"""One message per cause: what is told, when, and what never is."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import msgspec
import pytest

from siloscope_alerting.columns import BoundRule, Judgement
from siloscope_alerting.life import Key
from siloscope_alerting.watch.causes import CHANGES_MS, SETTLES_MS, Causes, Telling, group_key
from siloscope_alerting.watch.incidents import Incident, OpenAlert, read_facts
from siloscope_alerting.watch.present import Present
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.words import Cause, Reason, Severity, State, SubjectKind

BEGIN_MS = 1_000_000_000
SITE, BIN, YARD, MAST = 7, 70, 1, 2
THRESHOLD = {"kind": "threshold", "above": 30.0}


def bound(rule_id: int = 1, **fields: Any) -> BoundRule:
    """Return a rule."""
    told = {"rule": f"rule-{rule_id}", "name": f"Rule {rule_id}", "condition": THRESHOLD, **fields}
    return BoundRule(rule_id, 1, 5, msgspec.convert(told, Rule))


class Story:
    """Causes over a site of two nodes, told a step at a time."""

    def __init__(self, *rules: BoundRule) -> None:
        self.causes = Causes([], {each.rule_id: each for each in rules or (bound(),)})
        self.now_ms = BEGIN_MS
        self.silent: dict[int, int] = {}
        self.heard_ms: dict[int, int] = {}
        self.owing: set[int] = set()
        self.marked_ms: dict[int, int] = {}
        self.told: list[Telling] = []
        self._numbers, self._incidents = count(1), count(1)

    def alert(
        self, channel: int = 100, rule_id: int = 1, *, node: int | None = YARD, kind: SubjectKind = SubjectKind.CHANNEL,
        severity: Severity = Severity.WARNING,
    ) -> OpenAlert:  # fmt: skip
        """Let an alert fire now."""
        alert = OpenAlert(
            next(self._numbers), Key(rule_id, kind, channel), 1, 5, severity, State.FIRING, Reason.HELD, self.now_ms,
            SITE, node, BIN, channel if kind is SubjectKind.CHANNEL else None, fired_ms=self.now_ms,
        )  # fmt: skip
        self.causes.fired(alert, self.now_ms)
        return alert

    def end(self, *alerts: OpenAlert) -> None:
        """Let alerts resolve now."""
        for alert in alerts:
            alert.state, alert.ended_ms = State.RESOLVED, self.now_ms

    def past(self, channel: int = 100, *, minutes: int = 10, from_ms: int | None = None) -> OpenAlert:
        """Let late data show an excursion."""
        begin_ms = BEGIN_MS - 3_600_000 if from_ms is None else from_ms
        alert = OpenAlert(
            next(self._numbers), Key(1, SubjectKind.CHANNEL, channel), 1, 5, Severity.WARNING, State.RESOLVED,
            Reason.LATE_EXCURSION, begin_ms, SITE, YARD, BIN, channel, fired_ms=begin_ms,
            ended_ms=begin_ms + minutes * 60_000, retrospective=True, facts={"worst": 31.0, "now": 24.0, "unit": "Cel"},
        )  # fmt: skip
        self.causes.looked_back(alert, self.now_ms)
        return alert

    def go(self, seconds: float = 0.25) -> list[str]:
        """Let time pass and look; return the kinds of what is told."""
        self.now_ms += round(seconds * 1000)
        sites = {SITE: max(self.silent.values())} if {YARD, MAST} <= self.silent.keys() else {}
        judgement = Judgement(self.now_ms, False, dict(self.silent), sites, now_ms=self.now_ms)
        present = Present(
            self.now_ms, judgement, self.heard_ms, self.owing, self.marked_ms, {SITE: {YARD: 30, MAST: 3}}, {SITE: 5}
        )
        found = list(self.causes.follow(present))
        for telling in found:
            if telling.kind is not None and not telling.incident.incident_id:
                telling.incident.named(next(self._incidents))
        self.told += found
        return [each.kind for each in found if each.kind is not None]

    def wait(self, seconds: float, step_s: float = 5.0) -> list[str]:
        """Let time pass, looking all the while."""
        kinds = []
        for _ in range(round(seconds / step_s)):
            kinds += self.go(step_s)
        return kinds

    @property
    def last(self) -> Incident:
        """The incident that was told last."""
        return [each for each in self.told if each.kind is not None][-1].incident


# ---- alerts of rules


def test_an_alert_is_told_when_it_fires_and_when_it_is_over_for_good() -> None:
    story = Story()
    alert = story.alert()
    assert story.go() == ["firing"]
    assert story.wait(60) == []
    story.end(alert)
    assert story.wait(295) == []
    assert story.wait(10) == ["resolved"]
    assert len(story.causes) == 0


def test_what_fired_for_long_is_over_at_once() -> None:
    story = Story()
    alert = story.alert()
    story.wait(300)
    story.end(alert)
    assert story.go() == ["resolved"]


def test_what_fires_again_soon_after_it_was_told_to_be_over_may_flap() -> None:
    story = Story()
    for pause_s in (60, 3_600):
        alert = story.alert()
        assert story.go() == ["firing"]
        story.wait(300)
        story.end(alert)
        kinds = story.wait(5)
        story.wait(pause_s)
        assert kinds == ["resolved"]
        again = story.alert()
        assert story.go() == ["firing"]
        story.wait(300)
        story.end(again)
        kinds = story.wait(5)
        assert kinds == ([] if pause_s == 60 else ["resolved"])
        story.wait(7_200)


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


# ---- silence


def test_a_node_that_goes_silent_is_told_after_a_moment_with_what_was_firing() -> None:
    story = Story()
    alert = story.alert(104)
    story.go()
    story.silent = {YARD: BEGIN_MS - 120_000}
    assert story.wait(SETTLES_MS / 1000 - 5) == []
    assert story.wait(10) == ["firing"]
    incident = story.last
    assert incident.cause is Cause.NODE_SILENT
    assert (incident.facts["silent_channels"], incident.facts["channels"]) == (30, 33)
    assert [each["alert_id"] for each in incident.facts["firing"]] == [alert.alert_id]
    assert story.wait(3_600) == []


def test_a_site_that_goes_silent_is_told_once() -> None:
    story = Story()
    story.silent = {YARD: BEGIN_MS}
    story.wait(5)
    story.silent |= {MAST: BEGIN_MS}
    assert story.go() == ["firing"]
    assert story.last.cause is Cause.SITE_SILENT
    assert story.last.facts["silent_channels"] == 33
    assert story.wait(3_600) == []


def test_a_site_that_follows_its_node_later_changes_what_was_told() -> None:
    story = Story()
    story.silent = {YARD: BEGIN_MS}
    assert story.wait(60) == ["firing"]
    story.silent |= {MAST: BEGIN_MS}
    assert story.go() == ["changed"]
    assert [each.incident.cause for each in story.told] == [Cause.NODE_SILENT, Cause.NODE_SILENT, Cause.SITE_SILENT]
    assert len(story.causes) == 1


def test_a_silence_that_was_none_is_never_told() -> None:
    story = Story()
    story.silent = {YARD: BEGIN_MS}
    story.wait(10)
    story.silent = {}
    assert story.wait(60) == []
    assert len(story.causes) == 0


def test_a_return_is_told_when_the_backlog_is_in() -> None:
    story = Story()
    story.silent = {YARD: BEGIN_MS}
    story.wait(20)
    story.silent, story.owing = {}, {YARD}
    assert story.wait(120) == []
    story.owing, story.marked_ms = set(), {SITE: story.now_ms}
    assert story.wait(25) == []
    assert story.wait(10) == ["resolved"]


def test_a_return_that_never_ends_is_told_after_a_quarter_of_an_hour() -> None:
    story = Story()
    story.silent = {YARD: BEGIN_MS}
    story.wait(20)
    story.silent, story.owing = {}, {YARD}
    assert story.wait(895) == []
    assert story.wait(10) == ["resolved"]


def test_what_the_backlog_shows_is_told_with_the_return_in_one_message() -> None:
    story = Story()
    story.silent = {YARD: BEGIN_MS, MAST: BEGIN_MS}
    story.go()
    story.silent = {}
    story.go()
    story.past(100, minutes=10)
    story.past(101, minutes=20)
    assert story.wait(60) == ["retrospective"]
    assert [each["subject"] for each in story.last.facts["retrospects"]] == ["100", "101"]
    assert len(story.causes) == 0


def test_pieces_of_one_excursion_are_told_as_one() -> None:
    story = Story()
    first = story.past(100, minutes=10)
    story.past(100, minutes=10, from_ms=(first.ended_ms or 0) + 60_000)
    story.past(100, minutes=1, from_ms=(first.ended_ms or 0) + 7_200_000)
    assert story.wait(35) == ["retrospective"]
    lines = story.last.facts["retrospects"]
    assert len(lines) == 2
    assert lines[0]["to"] == "1970-01-12T13:07:40+00:00"


def test_without_a_silence_the_past_of_a_site_is_one_message() -> None:
    story = Story()
    story.past(100)
    story.past(101)
    story.marked_ms = {SITE: story.now_ms}
    assert story.wait(25) == []
    assert story.wait(10) == ["retrospective"]
    assert story.last.cause is Cause.RETROSPECTIVE


def test_a_node_that_falls_silent_again_before_its_return_was_told_is_no_news() -> None:
    story = Story()
    story.silent = {YARD: BEGIN_MS}
    story.wait(20)
    story.silent = {}
    story.wait(10)
    story.silent = {YARD: BEGIN_MS}
    assert story.wait(600) == []


# ---- rules about absence


NO_DATA = {"kind": "no_data"}


def test_a_silent_channel_is_told_when_its_node_speaks() -> None:
    story = Story(bound(condition=NO_DATA))
    story.alert()
    story.heard_ms = {YARD: story.now_ms - 1}
    assert story.wait(30) == []
    story.heard_ms = {YARD: story.now_ms}
    assert story.go() == ["firing"]


def test_channels_that_are_silent_since_their_node_is_are_never_told() -> None:
    story = Story(bound(condition=NO_DATA))
    alerts = [story.alert(channel) for channel in range(100, 130)]
    story.heard_ms = {YARD: story.now_ms - 1}
    story.wait(20)
    story.silent = {YARD: BEGIN_MS}
    for alert in alerts:
        alert.state = State.UNKNOWN
    assert story.wait(60) == ["firing"]
    assert story.last.cause is Cause.NODE_SILENT
    assert story.last.facts["firing"] == []
    story.silent, story.heard_ms = {}, {YARD: story.now_ms}
    story.end(*alerts)
    assert story.wait(60) == ["resolved"]
    assert len(story.causes) == 0


def test_a_rule_about_silent_nodes_joins_the_message_of_the_silence() -> None:
    story = Story(bound(condition={**NO_DATA, "of": "node"}))
    alert = story.alert(YARD, kind=SubjectKind.NODE, severity=Severity.CRITICAL)
    assert story.wait(10) == []
    story.silent = {YARD: BEGIN_MS}
    assert story.wait(10) == ["firing"]
    assert story.last.severity is Severity.CRITICAL
    story.silent = {}
    assert story.wait(60) == []  # the rule's alert is not over
    story.end(alert)
    assert story.wait(60) == ["resolved"]


# ---- what is stored


def test_an_incident_reads_as_it_was_written() -> None:
    story = Story()
    story.silent = {YARD: BEGIN_MS}
    story.wait(20)
    facts, book = read_facts(msgspec.json.decode(msgspec.json.encode(story.last.document())))
    assert facts == story.last.facts
    assert book == story.last.book
    assert book.silent == {YARD: BEGIN_MS}
