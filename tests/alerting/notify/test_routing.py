"""Whom an incident is told to, and in which message."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_alerting.notify.matching import About
from siloscope_alerting.notify.routing import AlertStanding, BoundRoute, Routes, Told, identity_of
from siloscope_alerting.notify.silences import Silence
from siloscope_alerting.ports import IncidentFacts, Notification, NotificationKind
from siloscope_contract.alerts.routes import Step
from siloscope_contract.alerts.rules import Hours
from siloscope_contract.alerts.selectors import Matcher
from siloscope_contract.alerts.words import Severity
from tests.alerting.notify.facts import AT, CHANNELS, INCIDENT_ID, ORG_ID, alert, bound, incident

NIGHT = (Hours(since="22:00", until="06:00"),)
AT_NIGHT = AT.replace(hour=21)  # 23:00 in Kyiv
MORNING = AT.replace(hour=4) + timedelta(days=1)


def plan(
    routes: Sequence[BoundRoute], happened: NotificationKind = "firing", about: IncidentFacts | None = None, **told: Any
) -> list[Notification]:
    at = told.pop("at", AT)
    return list(Routes(routes, CHANNELS, **told).plan(about or incident(), happened, (), at))


def shown(rows: Sequence[Notification]) -> list[tuple[str, int | None, int, int]]:
    return [(row.kind, row.route_id, row.step, row.channel_id) for row in rows]


def told(steps: int, **more: Any) -> dict[tuple[int, int], Told]:
    return {(INCIDENT_ID, 1): Told(steps, AT - timedelta(minutes=5), **more)}


def test_nobody_is_told_of_another_organisations_incident() -> None:
    assert plan([bound(1, "cab")], about=incident(org_id=ORG_ID + 1)) == []


def test_every_route_that_means_it_tells_its_first_step() -> None:
    escalates = bound(2, "office", Step(after="10m", channels=("boss",)))
    assert shown(plan([bound(1, "cab"), escalates])) == [("firing", 1, 0, 1), ("firing", 2, 0, 2)]


def test_a_route_that_stops_ends_the_asking_only_where_it_is_open() -> None:
    closed = bound(1, "cab", stop=True, hours=NIGHT)
    assert shown(plan([closed, bound(2, "office")])) == [("firing", 2, 0, 2)]
    assert shown(plan([closed, bound(2, "office")], at=AT_NIGHT)) == [("firing", 1, 0, 1)]


@pytest.mark.parametrize(
    "match",
    [Matcher(severities=(Severity.CRITICAL,)), Matcher(rules=("frost*",)), Matcher(labels={"team": "grain"})],
)
def test_what_a_route_does_not_mean_it_does_not_tell(match: Matcher) -> None:
    assert plan([bound(1, "cab", match=match)]) == []


def test_a_removed_channel_is_passed_over() -> None:
    rows = plan([bound(1, Step(channels=("gone", "cab")))])
    assert shown(rows) == [("firing", 1, 0, 1)]


def test_the_same_message_has_the_same_key_wherever_it_is_planned() -> None:
    (one,), (again,) = plan([bound(1, "cab")]), plan([bound(1, "cab")], at=AT + timedelta(seconds=9))
    assert one.dedup_key == again.dedup_key == f"incident/{INCIDENT_ID}/route/1/step/0/firing/0/channel/1"
    assert one.notification_id == again.notification_id == identity_of(one.dedup_key)


def test_two_changes_are_two_messages() -> None:
    (one,) = plan([bound(1, "cab")], "changed", told=told(1))
    (other,) = plan([bound(1, "cab")], "changed", told=told(1), at=AT + timedelta(minutes=5))
    assert one.dedup_key != other.dedup_key


def test_all_who_heard_of_it_hear_of_its_end_and_nobody_else() -> None:
    ladder = bound(1, "cab", Step(after="10m", channels=("office",)), Step(after="20m", channels=("boss",)))
    rows = plan([ladder, bound(2, "boss")], "resolved", incident(closed_at=AT), told=told(2))
    assert shown(rows) == [("resolved", 1, 0, 1), ("resolved", 1, 1, 2)]


def test_a_route_may_not_want_to_hear_of_the_end() -> None:
    assert plan([bound(1, "cab", resolved=False)], "resolved", told=told(1)) == []


def test_who_never_heard_of_it_hears_that_it_fires_when_something_joins() -> None:
    assert shown(plan([bound(1, "cab")], "changed")) == [("firing", 1, 0, 1)]


def test_after_an_acknowledgement_what_joins_is_told_to_the_first_step() -> None:
    ladder = bound(1, "cab", Step(after="10m", channels=("office",)))
    assert shown(plan([ladder], "changed", told=told(2))) == [("changed", 1, 0, 1), ("changed", 1, 1, 2)]
    assert shown(plan([ladder], "changed", told=told(2, rung=0))) == [("changed", 1, 0, 1)]


def test_a_notice_about_the_past_is_told_though_nobody_heard_of_it_before() -> None:
    assert shown(plan([bound(1, "cab")], "retrospective", incident(closed_at=AT))) == [("retrospective", 1, 0, 1)]


# ---- quiet hours


def test_in_quiet_hours_it_waits_for_the_ladder_and_what_wakes_does_not() -> None:
    route = bound(1, "cab", quiet=NIGHT)
    assert plan([route], at=AT_NIGHT) == []
    assert len(plan([route], about=incident(severity=Severity.CRITICAL), at=AT_NIGHT)) == 1


def test_what_ended_within_quiet_hours_is_one_message_in_the_morning() -> None:
    (row,) = plan([bound(1, "cab", quiet=NIGHT)], "resolved", incident(closed_at=AT_NIGHT), at=AT_NIGHT)
    assert (row.kind, row.due_at) == ("resolved", MORNING)


def test_an_end_that_nobody_heard_the_begin_of_is_not_told_by_day() -> None:
    assert plan([bound(1, "cab", quiet=NIGHT)], "resolved", incident(closed_at=AT)) == []


# ---- silences and snoozes


def test_a_silence_is_told_to_nobody() -> None:
    quiet = Silence(ORG_ID, Matcher(rules=("bin-*",)), AT - timedelta(hours=1), AT + timedelta(hours=1))
    assert plan([bound(1, "cab")], silences=[quiet]) == []
    assert len(plan([bound(1, "cab")], silences=[quiet], at=AT + timedelta(hours=1))) == 1


def test_a_silence_of_another_organisation_silences_nothing() -> None:
    quiet = Silence(ORG_ID + 1, Matcher(), AT - timedelta(hours=1), AT + timedelta(hours=1))
    assert len(plan([bound(1, "cab")], silences=[quiet])) == 1


def test_while_one_alert_of_several_is_not_silenced_it_is_told() -> None:
    def standing(alert_id: int, rule: str, **more: Any) -> AlertStanding:
        return AlertStanding(About(Severity.WARNING, rule), alert_id, "firing", **more)

    quiet = Silence(ORG_ID, Matcher(rules=("bin-hot",)), AT - timedelta(hours=1), AT + timedelta(hours=1))
    alerts = {INCIDENT_ID: [standing(1, "bin-hot"), standing(2, "bin-wet")]}
    assert len(plan([bound(1, "cab")], silences=[quiet], alerts=alerts)) == 1
    snoozed = {INCIDENT_ID: [standing(1, "bin-hot"), standing(2, "bin-wet", snoozed_until=AT + timedelta(hours=1))]}
    assert plan([bound(1, "cab")], silences=[quiet], alerts=snoozed) == []


def standing(alert_id: int, rule: str, severity: Severity = Severity.WARNING, **more: Any) -> AlertStanding:
    return AlertStanding(About(severity, rule), alert_id, more.pop("state", "firing"), **more)


WET = Silence(ORG_ID, Matcher(rules=("bin-wet",)), AT - timedelta(hours=1), AT + timedelta(hours=1))


@pytest.mark.parametrize(
    "quiet",
    [
        {"rule": "bin-wet"},
        {"rule": "bin-dry", "snoozed_until": AT + timedelta(hours=1)},
        {"rule": "bin-dry", "inhibited": True},
    ],
)
def test_what_is_quiet_is_not_named_beside_others(quiet: dict[str, Any]) -> None:
    told_of = [alert(1), alert(2, rule=quiet["rule"], severity=Severity.CRITICAL, subject="Bin 8")]
    alerts = {INCIDENT_ID: [standing(1, "bin-hot"), standing(2, severity=Severity.CRITICAL, **quiet)]}
    about = incident(told_of, severity=Severity.CRITICAL)
    (row,) = plan([bound(1, "cab")], about=about, silences=[WET], alerts=alerts)
    assert row.severity is Severity.WARNING
    assert row.payload["heard"] == [1]
    assert [each["alert_id"] for each in row.payload["incident"]["alerts"]] == [1]
    assert row.payload["incident"]["alerts_count"] == 1
    assert "Bin 8" not in str(row.payload)


def test_that_something_quiet_joined_is_no_news() -> None:
    alerts = {INCIDENT_ID: [standing(1, "bin-hot"), standing(2, "bin-wet")]}
    about = incident([alert(1), alert(2, rule="bin-wet")])
    before = told(1, heard=frozenset({1}))
    assert plan([bound(1, "cab")], "changed", about, silences=[WET], alerts=alerts, told=before) == []
    assert len(plan([bound(1, "cab")], "changed", about, alerts=alerts, told=before)) == 1


def test_what_is_quiet_is_not_named_among_what_fired_before_a_silence() -> None:
    before = [{"alert_id": 1, "subject": "Bin 7"}, {"alert_id": 2, "subject": "Bin 8"}]
    alerts = {INCIDENT_ID: [standing(9, "siloscope-silence")], 99: [standing(1, "bin-hot"), standing(2, "bin-wet")]}
    about = incident([alert(9)], facts={"firing": before})
    (row,) = plan([bound(1, "cab")], about=about, silences=[WET], alerts=alerts)
    assert row.payload["incident"]["facts"]["firing"] == before[:1]


def test_a_quiet_excursion_of_the_past_is_not_told_with_the_others() -> None:
    past = [{"alert_id": 1, "subject": "Bin 7"}, {"alert_id": 2, "subject": "Bin 8"}]
    alerts = {INCIDENT_ID: [standing(1, "bin-hot", state="resolved"), standing(2, "bin-wet", state="resolved")]}
    about = incident([alert(1), alert(2)], closed_at=AT, facts={"retrospects": past})
    (row,) = plan([bound(1, "cab")], "retrospective", about, silences=[WET], alerts=alerts)
    assert row.payload["incident"]["facts"]["retrospects"] == past[:1]


# ---- of any order


@given(st.permutations([5, 6, 7]), st.integers(1, 3))
def test_the_order_of_alerts_decides_nothing(order: list[int], routes: int) -> None:
    found = [bound(number, "cab") for number in range(1, routes + 1)]
    rows = plan(found, about=incident([alert(each) for each in order]))
    assert {row.dedup_key for row in rows} == {
        f"incident/{INCIDENT_ID}/route/{number}/step/0/firing/0/channel/1" for number in range(1, routes + 1)
    }
