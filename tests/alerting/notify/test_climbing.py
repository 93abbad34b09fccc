"""What a ladder does next. A line a scenario: minute, what is so then, what is told."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_alerting.notify.climbing import Rung, climb
from siloscope_alerting.notify.matching import About
from siloscope_alerting.notify.routing import AlertStanding, BoundRoute, Routes, Told
from siloscope_alerting.notify.silences import Silence
from siloscope_contract.alerts.routes import Step
from siloscope_contract.alerts.rules import Hours
from siloscope_contract.alerts.selectors import Matcher
from siloscope_contract.alerts.words import Severity
from tests.alerting.notify.facts import AT, CHANNELS, INCIDENT_ID, ORG_ID, alert, bound, incident

LADDER = bound(1, "cab", Step(after="10m", channels=("office",)), Step(after="30m", channels=("boss",)))


class Climber:
    """One incident on one route, looked at whenever the ladder asks to; messages are enqueued once per key."""

    def __init__(self, route: BoundRoute, *, told: bool = True) -> None:
        self.route = route
        self.rung = Rung(None, 0)
        self.at = AT
        self.standing: dict[str, Any] = {"state": "firing"}
        self.silences: list[Silence] = []
        self.keys = {f"incident/{INCIDENT_ID}/route/1/step/0/firing/0/channel/1"} if told else set()
        self.told = Told(1, AT) if told else None
        self.heard: list[tuple[int, str, int]] = []

    def until(self, minute: float) -> list[tuple[int, str, int]]:
        """Let time pass; return (minute, kind, step) of what was told meanwhile."""
        before = len(self.heard)
        end = AT + timedelta(minutes=minute)
        while self.at <= end:
            self.at = self._look(self.at)
        return self.heard[before:]

    def _look(self, at: datetime) -> datetime:
        alerts = {INCIDENT_ID: [AlertStanding(About(Severity.WARNING, "bin-hot"), 5, **self.standing)]}
        told = {(INCIDENT_ID, 1): self.told} if self.told else {}
        routes = Routes([self.route], CHANNELS, silences=self.silences, told=told, alerts=alerts)
        climbed = climb(routes, self.route, self.rung, incident(), at)
        self.rung = climbed.rung
        for row in climbed.notifications:
            if row.dedup_key not in self.keys:
                self.keys.add(row.dedup_key)
                self.heard.append((round((at - AT).total_seconds() / 60), row.kind, row.step))
                self.told = Told(max(self.told.steps if self.told else 0, row.step + 1), at, self.rung.step)
        assert climbed.next_at > at
        return climbed.next_at


def test_what_was_silenced_beside_others_is_told_when_its_silence_ends() -> None:
    quiet = Silence(ORG_ID, Matcher(rules=("bin-wet",)), AT - timedelta(hours=1), AT + timedelta(minutes=20))
    alerts = {
        INCIDENT_ID: [
            AlertStanding(About(Severity.WARNING, "bin-hot"), 5, "firing"),
            AlertStanding(About(Severity.WARNING, "bin-wet"), 6, "firing"),
        ]
    }
    about = incident([alert(5), alert(6, rule="bin-wet")], facts={"book": {"told": [5, 6]}})
    route = bound(1, "cab")

    def look(minute: float, heard: set[int]) -> list[tuple[str, list[int]]]:
        told = {(INCIDENT_ID, 1): Told(1, AT, 1, frozenset(heard))}
        routes = Routes([route], CHANNELS, silences=[quiet], told=told, alerts=alerts)
        climbed = climb(routes, route, Rung(1, 0), about, AT + timedelta(minutes=minute))
        return [(row.kind, row.payload["heard"]) for row in climbed.notifications]

    assert look(10, {5}) == []
    assert look(21, {5}) == [("changed", [5, 6])]
    assert look(22, {5, 6}) == []


def test_a_ladder_is_climbed_until_its_end_and_each_step_is_told_once() -> None:
    assert Climber(LADDER).until(600) == [(10, "escalated", 1), (30, "escalated", 2)]


def test_an_acknowledgement_stops_it() -> None:
    climber = Climber(LADDER)
    assert climber.until(12) == [(10, "escalated", 1)]
    climber.standing["acknowledged"] = True
    assert climber.until(600) == []


def test_when_it_is_nobodys_again_its_steps_count_from_then() -> None:
    climber = Climber(LADDER)
    climber.standing["acknowledged"] = True
    climber.until(60)
    climber.standing["acknowledged"] = False
    assert climber.until(200) == [(70, "escalated", 1), (90, "escalated", 2)]


@pytest.mark.parametrize("state", ["clearing", "unknown", "resolved"])
def test_nothing_is_escalated_while_nothing_fires(state: str) -> None:
    climber = Climber(LADDER)
    climber.standing["state"] = state
    assert climber.until(600) == []


def test_nothing_is_escalated_while_what_it_depends_on_fires() -> None:
    climber = Climber(LADDER)
    climber.standing["inhibited"] = True
    assert climber.until(600) == []


def test_it_is_repeated_after_the_last_step_to_all_who_heard_of_it() -> None:
    route = bound(1, "cab", Step(after="10m", channels=("office",)), repeat="1h")
    told = Climber(route).until(135)
    assert told == [(10, "escalated", 1), (70, "repeated", 0), (70, "repeated", 1), (130, "repeated", 0),
                    (130, "repeated", 1)]  # fmt: skip


def test_what_was_silenced_is_told_once_when_the_silence_ends() -> None:
    climber = Climber(bound(1, "cab"), told=False)
    climber.silences = [Silence(ORG_ID, Matcher(), AT - timedelta(hours=1), AT + timedelta(minutes=20))]
    assert climber.until(19) == []
    assert climber.until(600) == [(20, "firing", 0)]


def test_what_fired_in_quiet_hours_is_told_at_their_end_if_it_still_fires() -> None:
    route = bound(1, "cab", quiet=(Hours(since="13:00", until="14:30"),))  # 14:00 in Kyiv
    climber = Climber(route, told=False)
    assert climber.until(600) == [(30, "firing", 0)]


def test_a_route_that_opens_tells_what_fires_then() -> None:
    climber = Climber(bound(1, "cab", hours=(Hours(since="14:45", until="20:00"),)), told=False)
    assert climber.until(600) == [(45, "firing", 0)]


def test_after_a_snooze_it_is_told_again_once() -> None:
    climber = Climber(bound(1, "cab"))
    climber.until(5)
    climber.standing["snoozed_until"] = AT + timedelta(minutes=60)
    assert climber.until(600) == [(60, "repeated", 0)]


def test_a_first_step_may_wait() -> None:
    climber = Climber(bound(1, Step(after="15m", channels=("cab",))), told=False)
    assert climber.until(600) == [(15, "firing", 0)]


def test_a_route_that_does_not_mean_it_is_asked_again_now_and_then() -> None:
    climber = Climber(bound(1, "cab", match=Matcher(rules=("other",))), told=False)
    assert climber.until(600) == []


@pytest.mark.parametrize("restarts", [(), (3,), (9, 10, 11), (29,)])
def test_whoever_takes_over_goes_on_where_the_ladder_stands(restarts: Sequence[float]) -> None:
    climber = Climber(LADDER)
    heard = []
    for minute in (*restarts, 600):
        heard += climber.until(minute)
        taken_over = Climber(LADDER)
        taken_over.rung, taken_over.at, taken_over.keys = climber.rung, climber.at, climber.keys
        taken_over.told = climber.told
        climber = taken_over
    assert heard == [(10, "escalated", 1), (30, "escalated", 2)]


ACTS = st.sampled_from(["acknowledge", "unacknowledge", "silence", "unsilence", "clears", "fires"])


@given(st.lists(st.tuples(ACTS, st.integers(1, 40)), max_size=12), st.booleans())
def test_whatever_people_do_it_is_told_once_that_it_fires_and_never_while_it_is_quiet(
    acts: list[tuple[str, int]],
    told: bool,
) -> None:
    climber, minute = Climber(LADDER, told=told), 0
    acknowledgements = 0
    for act, minutes in acts:
        if act == "acknowledge" and not climber.standing.get("acknowledged"):
            acknowledgements += 1
        if act in ("acknowledge", "unacknowledge"):
            climber.standing["acknowledged"] = act == "acknowledge"
        if act in ("clears", "fires"):
            climber.standing["state"] = {"clears": "clearing", "fires": "firing"}[act]
        if act == "silence":
            climber.silences = [Silence(ORG_ID, Matcher(), AT, AT + timedelta(days=9))]
        if act == "unsilence":
            climber.silences = []
        minute += minutes
        heard = climber.until(minute)
        calm = climber.standing.get("acknowledged") or climber.silences or climber.standing["state"] != "firing"
        assert not (calm and heard)
    kinds = [(kind, step) for _, kind, step in climber.heard]
    assert kinds.count(("firing", 0)) <= (0 if told else 1)
    for step in (1, 2):
        assert kinds.count(("escalated", step)) <= 1 + acknowledgements
