"""One message per cause: what is silent, what comes back, and what late data shows."""

import msgspec

from siloscope_alerting.watch.causes import SETTLES_MS
from siloscope_alerting.watch.incidents import read_facts
from siloscope_contract.alerts.words import Cause, Severity, State, SubjectKind
from tests.alerting.watch.story import BEGIN_MS, MAST, SITE, YARD, Story, bound


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
