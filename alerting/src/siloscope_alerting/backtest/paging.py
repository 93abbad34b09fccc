"""Whom a backtest would have paged: the causes and routes that decide it for real, with nobody acknowledging anything.

Silences of today are not applied to the past; hours and quiet hours are. What repeats and escalates is counted as if an
incident had been left alone until it was over.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from siloscope_alerting.backtest.report import Paged
from siloscope_alerting.columns import BoundRule, Catalogue, ChannelFacts, Judgement, Outcome
from siloscope_alerting.life import Key, Transition
from siloscope_alerting.notify.matching import About
from siloscope_alerting.notify.routing import AlertStanding, BoundRoute, Routes, Told, first_steps
from siloscope_alerting.ports import AlertFacts, IncidentFacts, Notification
from siloscope_alerting.watch.causes import Causes, Telling
from siloscope_alerting.watch.incidents import Incident, OpenAlert
from siloscope_alerting.watch.present import Present
from siloscope_contract.alerts.spans import seconds
from siloscope_contract.alerts.words import State, SubjectKind
from siloscope_process.clock import from_ms

_ENDED = (State.RESOLVED, State.OK)


@dataclass(frozen=True)
class Ways:
    """Routes in the order in which they are asked, and ids of channels by organisation and slug."""

    routes: Sequence[BoundRoute] = ()
    channels: Mapping[tuple[int, str], int] = field(default_factory=dict)


class Paging:
    """Follows a replay round for round.

    Args:
        rules: That are replayed.
        catalogue: Their channels.
        ways: Whom to tell.
    """

    def __init__(self, rules: Sequence[BoundRule], catalogue: Catalogue, ways: Ways) -> None:
        self._rules = {each.rule_id: each for each in rules}
        self._facts = _by_subject(catalogue)
        self._ways = ways
        self._causes = Causes((), self._rules)
        self._open: dict[Key, OpenAlert] = {}
        self._alerts = self._told_incidents = 0
        self._told: dict[tuple[int, int], Told] = {}
        self._sent: Counter[tuple[int, int, str]] = Counter()

    @property
    def incidents(self) -> int:
        """How many incidents were told."""
        return self._told_incidents

    def follow(self, outcome: Outcome, now_ms: int) -> None:
        """Take what a round found, at the end of the round."""
        for each in outcome.transitions:
            self._take(each, now_ms)
        if len(self._causes):
            for telling in self._causes.follow(Present(now_ms, Judgement(absent_to_ms=now_ms))):
                self._tell(telling, now_ms)

    def paged(self, to_ms: int) -> list[Paged]:
        """Return how many messages each route would have sent to each channel until the end."""
        for incident in self._causes:
            if incident.book.count:
                self._climb(incident, to_ms)
        routes = {each.route_id: each.route.route for each in self._ways.routes}
        channels = {number: slug for (_, slug), number in self._ways.channels.items()}
        found = [
            Paged(routes[route_id], channels[channel_id], kind, count)
            for (route_id, channel_id, kind), count in self._sent.items()
        ]
        return sorted(found, key=lambda each: (each.route, each.channel, each.kind))

    def _take(self, each: Transition, now_ms: int) -> None:
        alert = self._open.get(each.key)
        if alert is None or each.number == 1:
            alert = self._open[each.key] = self._new(each)
        alert.state, alert.reason = each.change.after, each.change.reason
        if alert.state in _ENDED:
            alert.ended_ms = each.change.at_ms
            del self._open[each.key]
        elif alert.state is State.FIRING and alert.fired_ms is None:
            alert.fired_ms = each.change.at_ms
            self._causes.fired(alert, now_ms)

    def _new(self, each: Transition) -> OpenAlert:
        self._alerts += 1
        about, rule = self._facts.get(_subject(each.key)), self._rules[each.key.rule_id]
        of_channel = each.key.subject_kind is SubjectKind.CHANNEL
        of_place = of_channel or each.key.subject_kind is SubjectKind.PLACE
        return OpenAlert(
            alert_id=self._alerts,
            key=each.key,
            rule_version=each.rule_version,
            org_id=rule.org_id,
            severity=each.severity,
            state=each.change.after,
            reason=each.change.reason,
            began_ms=each.change.at_ms,
            site_id=about.site_id if about else None,
            node_id=about.node_id if about and (of_channel or each.key.subject_kind is SubjectKind.NODE) else None,
            place_id=about.place_id if about and of_place else None,
            channel_id=each.key.subject_id if of_channel else None,
            labels=dict(rule.rule.labels),
        )

    def _tell(self, telling: Telling, now_ms: int) -> None:
        incident = telling.incident
        if telling.kind is None:
            return
        if not incident.incident_id:
            self._told_incidents += 1
            incident.named(self._told_incidents)
        incident.book.count += 1
        at, facts = from_ms(now_ms), self._incident_facts(incident)
        for note in self._router(incident).plan(facts, telling.kind, (), at):
            self._count(note, at)
        if incident.closed_ms is not None:
            self._climb(incident, incident.closed_ms)

    def _climb(self, incident: Incident, until_ms: int) -> None:
        """Count what a ladder would have said until then."""
        router, facts = self._router(incident), self._incident_facts(incident)
        for bound in self._ways.routes:
            told, route = self._told.get((incident.incident_id, bound.route_id)), bound.route
            if told is None:
                continue
            open_s = until_ms / 1000 - told.at.timestamp()
            later = [step for step in range(len(route.steps)) if step not in first_steps(route)]
            for step in later:
                if seconds(route.steps[step].after) <= open_s:
                    self._add(router.notifications(facts, bound, [step], "escalated", 0, told.at, {}), 1)
            if route.repeat is not None and seconds(route.repeat):
                times = int(open_s // seconds(route.repeat))
                self._add(router.notifications(facts, bound, first_steps(route), "repeated", 0, told.at, {}), times)

    def _add(self, notes: Iterable[Notification], times: int) -> None:
        for note in notes:
            if times and note.route_id is not None:
                self._sent[note.route_id, note.channel_id, note.kind] += times

    def _count(self, note: Notification, at: datetime) -> None:
        self._add([note], 1)
        if note.incident_id is not None and note.route_id is not None:
            before = self._told.get((note.incident_id, note.route_id))
            steps = max(note.step + 1, before.steps if before else 0)
            self._told[note.incident_id, note.route_id] = Told(steps, before.at if before else at)

    def _router(self, incident: Incident) -> Routes:
        standings = [self._standing(alert) for alert in incident.alerts.values()]
        alerts = {incident.incident_id: standings} if standings else None
        return Routes(self._ways.routes, self._ways.channels, told=self._told, alerts=alerts)

    def _standing(self, alert: OpenAlert) -> AlertStanding:
        rule, facts = self._rules[alert.key.rule_id].rule, self._facts.get(_subject(alert.key))
        about = About(alert.severity, rule.rule, rule.labels)
        if facts is not None:
            about = _about(alert, rule.rule, facts)
        return AlertStanding(about, alert.alert_id, alert.state.value)

    def _incident_facts(self, incident: Incident) -> IncidentFacts:
        some = next(
            (found for each in incident.alerts.values() if (found := self._facts.get(_subject(each.key)))), None
        )
        return IncidentFacts(
            incident_id=incident.incident_id,
            org_id=incident.org_id,
            cause=incident.cause,
            severity=incident.severity,
            site_id=incident.site_id,
            site=some.site if some else "",
            time_zone=some.time_zone if some else "Etc/UTC",
            opened_at=from_ms(incident.opened_ms),
            closed_at=None if incident.closed_ms is None else from_ms(incident.closed_ms),
            alerts=[self._alert_facts(each) for each in incident.alerts.values()],
            alerts_count=len(incident.alerts),
        )

    def _alert_facts(self, alert: OpenAlert) -> AlertFacts:
        rule, facts = self._rules[alert.key.rule_id].rule, self._facts.get(_subject(alert.key))
        return AlertFacts(
            alert_id=alert.alert_id,
            rule=rule.rule,
            rule_name=rule.name,
            severity=alert.severity,
            state=alert.state.value,
            reason=alert.reason.value,
            subject=facts.title if facts else "",
            site=facts.site if facts else "",
            place=facts.place if facts else None,
            labels=rule.labels,
            facts={},
            began_at=from_ms(alert.began_ms),
            fired_at=None if alert.fired_ms is None else from_ms(alert.fired_ms),
            ended_at=None if alert.ended_ms is None else from_ms(alert.ended_ms),
            channel_id=alert.channel_id,
        )


def _subject(key: Key) -> tuple[SubjectKind, int]:
    return key.subject_kind, key.subject_id


def _by_subject(catalogue: Catalogue) -> Mapping[tuple[SubjectKind, int], ChannelFacts]:
    """Return, for each subject, a channel that belongs to it: what it says of place, node and site holds for all."""
    found: dict[tuple[SubjectKind, int], ChannelFacts] = {}
    for each in catalogue.channels:
        found[SubjectKind.CHANNEL, each.channel_id] = each
        found.setdefault((SubjectKind.NODE, each.node_id), each)
        found.setdefault((SubjectKind.SITE, each.site_id), each)
        if each.place_id is not None:
            found.setdefault((SubjectKind.PLACE, each.place_id), each)
    return found


def _about(alert: OpenAlert, rule: str, facts: ChannelFacts) -> About:
    """Return what an alert is about; an alert of a place has no channel, one of a node no place."""
    about = About(alert.severity, rule, alert.labels, site=facts.site)
    if alert.key.subject_kind is SubjectKind.CHANNEL:
        covered = facts.level is not None and (facts.fill_level is None or facts.level <= facts.fill_level)
        return About(
            alert.severity, rule, alert.labels, facts.site, facts.node, facts.device, facts.key, facts.place,
            facts.place_kind, facts.spot, facts.quantity, facts.tags, covered, facts.vitals,
        )  # fmt: skip
    if alert.key.subject_kind is SubjectKind.PLACE:
        return About(
            alert.severity, rule, alert.labels, facts.site, place=facts.place, place_kind=facts.place_kind,
            tags=facts.tags,
        )  # fmt: skip
    if alert.key.subject_kind is SubjectKind.NODE:
        return About(alert.severity, rule, alert.labels, facts.site, facts.node)
    return about
