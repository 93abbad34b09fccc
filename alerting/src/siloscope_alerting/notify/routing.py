"""Whom an incident is told to: routes, their hours, silences and quiet hours. Pure."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from siloscope_alerting.life import Transition
from siloscope_alerting.notify.hours import end_of, within
from siloscope_alerting.notify.matching import About, meets
from siloscope_alerting.notify.messages import incident_payload
from siloscope_alerting.notify.silences import Silence, covers
from siloscope_alerting.ports import IncidentFacts, Notification, NotificationKind, Router
from siloscope_contract.alerts.routes import Route
from siloscope_contract.alerts.spans import seconds
from siloscope_contract.alerts.words import Cause, State
from siloscope_process.clock import to_ms

NAMESPACE = UUID("6f3d2c0e-6b0a-5f4e-9d57-0f6f5a1c7e11")
"""Of the UUIDs of version 5 that notifications are known by."""


def identity_of(dedup_key: str) -> UUID:
    """Return the id of a notification: the same wherever it is made again."""
    return uuid5(NAMESPACE, dedup_key)


@dataclass(frozen=True)
class BoundRoute:
    """A route as the database has it."""

    route_id: int
    org_id: int
    route: Route


@dataclass(frozen=True)
class Told:
    """How far an incident was told to a route.

    Attributes:
        steps: So many steps of the ladder were told.
        at: When a message was enqueued last.
        rung: Where the ladder stands: fewer steps than were told since somebody acknowledged; None = not looked at yet.
        heard: The alerts that these messages were about; None = of messages that do not say so.
    """

    steps: int
    at: datetime
    rung: int | None = None
    heard: frozenset[int] | None = None


@dataclass(frozen=True)
class AlertStanding:
    """What decides whether an alert is told; of an incident without alerts there is one without an id."""

    about: About
    alert_id: int | None = None
    state: str | None = None
    acknowledged: bool = False
    snoozed_until: datetime | None = None
    inhibited: bool = False


@dataclass(frozen=True)
class IncidentStanding:
    """What may be said about an incident at an instant.

    Attributes:
        silenced: Every alert that is open is silenced or snoozed.
        idle: None of its alerts fires now, or all that do are inhibited.
        acknowledged: Somebody has every alert that fires.
        snooze_over: When the last snooze ended that was on an alert which fires.
    """

    silenced: bool
    idle: bool
    acknowledged: bool
    snooze_over: datetime | None


class Routes(Router):
    """The routes of some organisations, and what else decides whom they tell.

    Args:
        routes: In the order in which they are asked.
        channels: Ids of notification channels by organisation and slug.
        silences: That are not ended.
        told: By incident and route.
        alerts: By incident; without them what an incident's facts say of its alerts counts.
    """

    def __init__(
        self,
        routes: Sequence[BoundRoute],
        channels: Mapping[tuple[int, str], int],
        *,
        silences: Sequence[Silence] = (),
        told: Mapping[tuple[int, int], Told] | None = None,
        alerts: Mapping[int, Sequence[AlertStanding]] | None = None,
    ) -> None:
        self._routes = routes
        self._channels = channels
        self._silences = silences
        self._told = told or {}
        self._alerts = alerts or {}

    def plan(
        self, incident: IncidentFacts, happened: NotificationKind, transitions: Sequence[Transition], at: datetime
    ) -> Sequence[Notification]:
        """Return what is to be enqueued now. What is silenced or waits is told by the ladder, when its time comes."""
        audible, heard = self.audible(incident, at)
        payload = incident_payload(audible, transitions, at, heard=heard)
        asked = {bound.route_id for bound in self.asked(incident, at)}
        silenced = self.standing(incident, at).silenced
        found: list[Notification] = []
        for bound in self.of(incident):
            told = self.told(incident, bound)
            steps, kind = _whom(bound.route, happened, told)
            if silenced or not steps or (told is None and bound.route_id not in asked):
                continue
            if kind == "changed" and incident.cause is Cause.RULE and told and told.heard and told.heard >= set(heard):
                continue  # what joined is silenced
            quiet = quiet_until(bound.route, incident, at)
            if quiet and kind in ("firing", "test"):
                continue
            if kind == "resolved" and told is None and not quiet:
                continue
            found += self.notifications(audible, bound, steps, kind, _count(kind, incident, at), quiet or at, payload)
        return found

    def audible(self, incident: IncidentFacts, at: datetime) -> tuple[IncidentFacts, list[int]]:
        """Return an incident as it may be told, and the alerts that this is about.

        What is silenced, snoozed or kept quiet by another rule is not named beside others of the same cause, and makes
        the message no more severe. Where nothing else is left, it is the incident as it is.
        """
        alerts = self._standings(incident)
        quiet = {each.alert_id for each in alerts if self._is_unnamed(each, incident, at)}
        left = [each for each in alerts if each.alert_id is not None and each.alert_id not in quiet]
        heard = [each.alert_id for each in left if each.alert_id is not None]
        incident = replace(incident, facts=_without(incident.facts, quiet | self._quiet_beside(incident, at)))
        if not quiet or not left:
            return incident, heard
        return replace(
            incident,
            alerts=[each for each in incident.alerts if each.alert_id not in quiet],
            alerts_count=max(incident.alerts_count - len(quiet), 0),
            severity=max((each.about.severity for each in left), key=lambda each: each.rank),
        ), heard

    def missed(self, incident: IncidentFacts, bound: BoundRoute, at: datetime) -> bool:
        """Say whether an alert fires that was silenced when the others were told, and is so no more."""
        told = self.told(incident, bound)
        if told is None or told.heard is None:
            return False
        named = incident.facts.get("book", {}).get("told", ())
        firing = {each.alert_id for each in self._standings(incident) if each.state == State.FIRING}
        return any(each in firing and each in named for each in set(self.audible(incident, at)[1]) - told.heard)

    def of(self, incident: IncidentFacts) -> Iterator[BoundRoute]:
        """Yield the routes of the incident's organisation."""
        return (bound for bound in self._routes if bound.org_id == incident.org_id)

    def asked(self, incident: IncidentFacts, at: datetime) -> Iterator[BoundRoute]:
        """Yield the routes that mean an incident and are open, up to the first that stops."""
        for bound in self.of(incident):
            hours = bound.route.hours
            is_open = not hours or within(hours, at, incident.time_zone)
            if is_open and any(meets(bound.route.match, each.about) for each in self._standings(incident)):
                yield bound
                if bound.route.stop:
                    return

    def told(self, incident: IncidentFacts, bound: BoundRoute) -> Told | None:
        """Return how far an incident was told to a route; None = it never was."""
        return self._told.get((incident.incident_id, bound.route_id))

    def standing(self, incident: IncidentFacts, at: datetime) -> IncidentStanding:
        """Return what may be said about an incident now."""
        alerts = self._standings(incident)
        is_open = [each for each in alerts if each.state != State.RESOLVED] or alerts
        firing = [each for each in alerts if each.state in (None, State.FIRING) and not each.inhibited]
        snoozes = [each.snoozed_until for each in firing if each.snoozed_until and each.snoozed_until <= at]
        return IncidentStanding(
            silenced=all(self._is_quiet(each, incident, at) for each in is_open),
            idle=not firing,
            acknowledged=bool(firing) and all(each.acknowledged for each in firing),
            snooze_over=max(snoozes, default=None),
        )

    def notifications(
        self,
        incident: IncidentFacts,
        bound: BoundRoute,
        steps: Sequence[int],
        kind: NotificationKind,
        count: int,
        due_at: datetime,
        payload: Mapping[str, Any],
    ) -> list[Notification]:
        """Return one message per channel of these steps; a channel of several steps is told once."""
        found: dict[int, Notification] = {}
        for step in steps:
            for slug in bound.route.steps[step].channels:
                channel_id = self._channels.get((bound.org_id, slug))
                if channel_id is None or channel_id in found:
                    continue
                place = f"incident/{incident.incident_id}/route/{bound.route_id}/step/{step}"
                key = f"{place}/{kind}/{count}/channel/{channel_id}"
                found[channel_id] = Notification(
                    notification_id=identity_of(key),
                    dedup_key=key,
                    org_id=bound.org_id,
                    channel_id=channel_id,
                    kind=kind,
                    severity=incident.severity,
                    due_at=due_at,
                    payload=payload,
                    incident_id=incident.incident_id,
                    route_id=bound.route_id,
                    step=step,
                )
        return list(found.values())

    def _standings(self, incident: IncidentFacts) -> Sequence[AlertStanding]:
        known = self._alerts.get(incident.incident_id)
        if known:
            return known
        told = [
            AlertStanding(
                About(each.severity, each.rule, each.labels, site=each.site, place=each.place),
                each.alert_id,
                each.state,
            )
            for each in incident.alerts
        ]
        return told or [AlertStanding(About(incident.severity, site=incident.site))]

    def _quiet_beside(self, incident: IncidentFacts, at: datetime) -> set[int | None]:
        """Return the alerts of other incidents that this one names and that are quiet."""
        named = {each.get("alert_id") for each in incident.facts.get("firing", ())}
        if not named:
            return set()
        beside = (each for alerts in self._alerts.values() for each in alerts if each.alert_id in named)
        return {each.alert_id for each in beside if self._is_unnamed(each, incident, at)}

    def _is_unnamed(self, alert: AlertStanding, incident: IncidentFacts, at: datetime) -> bool:
        held_back = alert.inhibited and alert.state != State.RESOLVED
        return alert.alert_id is not None and (held_back or self._is_quiet(alert, incident, at))

    def _is_quiet(self, alert: AlertStanding, incident: IncidentFacts, at: datetime) -> bool:
        return (alert.snoozed_until is not None and at < alert.snoozed_until) or any(
            each.org_id == incident.org_id and covers(each, at, incident.time_zone) and meets(each.matcher, alert.about)
            for each in self._silences
        )


def _without(facts: Mapping[str, Any], quiet: Set[int | None]) -> Mapping[str, Any]:
    """Return what an incident says of single alerts, without those that are quiet."""
    kept = {
        name: [each for each in facts[name] if each.get("alert_id") not in quiet]
        for name in ("firing", "retrospects")
        if name in facts
    }
    return {**facts, **kept}


def quiet_until(route: Route, incident: IncidentFacts, at: datetime) -> datetime | None:
    """Return when the quiet hours end that keep an incident from being told now; None where none do."""
    if incident.severity.rank >= route.wakes.rank:
        return None
    return end_of(route.quiet, at, incident.time_zone)


def first_steps(route: Route) -> list[int]:
    """Return the steps that are told together with the first."""
    first = seconds(route.steps[0].after)
    return [number for number, step in enumerate(route.steps) if seconds(step.after) == first]


def _whom(route: Route, happened: NotificationKind, told: Told | None) -> tuple[list[int], NotificationKind]:
    """Return which steps hear of something, and as what: who never heard of an incident hears that it fires."""
    at_once = first_steps(route) if seconds(route.steps[0].after) == 0 else []
    if told is None:
        return at_once, "firing" if happened == "changed" else happened
    steps = min(told.steps, len(route.steps))
    if happened == "resolved" and not route.resolved:
        return [], happened
    if happened == "changed" and told.rung is not None:
        # Since somebody acknowledged, the ladder begins anew: what joins now is told to its first step.
        return list(range(min(steps, max(told.rung, len(first_steps(route)))))), happened
    return list(range(steps)), happened


def _count(kind: NotificationKind, incident: IncidentFacts, at: datetime) -> int:
    """Return what tells two messages of one kind about one incident apart: it fires and ends once."""
    return 0 if kind in ("firing", "resolved") else to_ms(incident.closed_at or at)
