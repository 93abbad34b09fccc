"""Writes what a round found, in one transaction: transitions, memories, incidents, messages, the cursor."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from siloscope_alerting.columns import Outcome
from siloscope_alerting.life import FRESH, Key, Memory, Retrospect, Transition
from siloscope_alerting.ports import IncidentFacts, Notification, Router
from siloscope_alerting.watch.causes import Causes, Telling
from siloscope_alerting.watch.incidents import Incident, OpenAlert, read_facts
from siloscope_alerting.watch.subjects import Subjects
from siloscope_contract.alerts.words import Cause, Reason, Severity, State, SubjectKind
from siloscope_process.clock import from_ms, to_ms
from siloscope_store import alert_incidents, alert_states, notify_outbox
from siloscope_store.alert_incidents import IncidentRow
from siloscope_store.alert_states import AlertRow, StateRow, SubjectRef, SubjectSpan, TransitionRow
from siloscope_store.connections import Connected
from siloscope_store.notify_outbox import NewNotification

RoutesFor = Callable[[Connected, Sequence[int]], Awaitable[Router]]
"""Returns what decides whom incidents are told to, as the transaction sees it."""
FactsOf = Callable[[Connected, Sequence[int]], Awaitable[Mapping[int, IncidentFacts]]]
"""Returns what a message about incidents says, as the transaction sees it."""


class Alerts:
    """The open alerts, and everything that a round changed of them and is not yet written.

    Args:
        alerts: Those that are not over, and those of open incidents.
    """

    def __init__(self, alerts: Sequence[OpenAlert]) -> None:
        self.by_key = {each.key: each for each in alerts if each.ended_ms is None}
        self.changed: dict[int, OpenAlert] = {}
        self.transitions: list[TransitionRow] = []

    def begin(self, alert: OpenAlert) -> None:
        """Take in a new episode."""
        self.by_key[alert.key] = alert
        self.changed[alert.alert_id] = alert

    def note_inhibition(self, memories: Mapping[Key, Memory], subjects: Subjects) -> None:
        """Write at alerts which other one keeps them quiet."""
        for key, memory in memories.items():
            alert = self.by_key.get(key)
            if alert is None:
                continue
            keeper = subjects.keeper(alert, self.by_key) if memory.silenced_by is Reason.INHIBITED else None
            if alert.inhibited_by != keeper:
                alert.inhibited_by = keeper
                self.changed[alert.alert_id] = alert

    def note(self, alert: OpenAlert, transition: Transition) -> bool:
        """Take a transition; return whether the alert fires by it for the first time."""
        change = transition.change
        before_ms = alert.fired_ms
        alert.state, alert.reason, alert.rule_version = change.after, change.reason, transition.rule_version
        alert.facts = {**alert.facts, **change.facts}
        if change.reason is Reason.FLAPPING:
            alert.flapping = True
        elif change.reason is Reason.CALM:
            alert.flapping = False
        if change.after is State.FIRING and before_ms is None:
            alert.fired_ms = change.at_ms
        if change.after in (State.OK, State.RESOLVED):
            alert.ended_ms = change.at_ms
            self.by_key.pop(alert.key, None)
        self.changed[alert.alert_id] = alert
        self.transitions.append(
            TransitionRow(
                alert_id=alert.alert_id,
                number=transition.number,
                org_id=alert.org_id,
                before=change.before.value,
                after=change.after.value,
                reason=change.reason.value,
                event_at=from_ms(change.at_ms),
                facts=dict(change.facts),
            )
        )
        return alert.fired_ms is not None and before_ms is None


async def take_transitions(
    connection: Connected, alerts: Alerts, causes: Causes, subjects: Subjects, outcome: Outcome, now_ms: int
) -> None:
    """Turn transitions into alerts and their incidents, in memory; only numbers are asked of the database."""
    opening, known = 0, set(alerts.by_key)
    for each in outcome.transitions:
        if each.key not in known:
            opening += 1
            known.add(each.key)
        if each.change.after in (State.OK, State.RESOLVED):
            known.discard(each.key)
    numbers = iter(await alert_states.new_ids(connection, opening))
    for transition in outcome.transitions:
        alert = alerts.by_key.get(transition.key)
        if alert is None:
            alert = subjects.alert(next(numbers), transition)
            alerts.begin(alert)
        if alerts.note(alert, transition):
            causes.fired(alert, now_ms)


async def take_retrospects(
    connection: Connected, alerts: Alerts, causes: Causes, subjects: Subjects, found: Sequence[Retrospect], now_ms: int
) -> None:
    """Turn excursions of the past into alerts that are over; one that is reported again, longer, is the same one.

    What an alert told in its time is none; the engine knows that of what ended since it began, the database of all.
    """
    if not found:
        return
    kept = await alert_states.kept_retrospects(
        connection, sorted({each.key.rule_id for each in found}), [from_ms(each.from_ms) for each in found]
    )
    told = await alert_states.fired_during(connection, [_span(each) for each in found])
    numbers = iter(await alert_states.new_ids(connection, len(found)))
    waiting = {number: alert for incident in causes for number, alert in incident.alerts.items()}
    for each in found:
        known = kept.get((ref(each.key), from_ms(each.from_ms)))
        if known is None and (ref(each.key), from_ms(each.from_ms)) in told:
            continue
        alert = subjects.excursion(known[0] if known else next(numbers), each)
        if known and known[0] not in waiting:
            alert.incident_id = known[1]  # it was told; that it was longer is in its history alone
        else:
            causes.looked_back(alert, now_ms)
        alerts.changed[alert.alert_id] = alert
        if known is None:
            for number, (before, after) in enumerate([(State.OK, State.FIRING), (State.FIRING, State.RESOLVED)], 1):
                at_ms = each.from_ms if number == 1 else each.to_ms
                alerts.transitions.append(
                    TransitionRow(
                        alert_id=alert.alert_id,
                        number=number,
                        org_id=alert.org_id,
                        before=before.value,
                        after=after.value,
                        reason=Reason.LATE_EXCURSION.value,
                        event_at=from_ms(at_ms),
                        facts=alert.facts,
                    )
                )


async def write_incidents(connection: Connected, causes: Causes, tellings: Sequence[Telling], alerts: Alerts) -> None:
    """Write incidents that are told or over, numbering those that are told for the first time."""
    told = [each.incident for each in tellings]
    new = [each.incident for each in tellings if not each.incident.incident_id and each.kind is not None]
    for incident, number in zip(new, await alert_incidents.new_ids(connection, len(new)), strict=True):
        incident.named(number)
        alerts.changed.update(incident.alerts)
    told += [each for each in causes if each.incident_id and not alerts.changed.keys().isdisjoint(each.alerts)]
    stored = {each.incident_id: each for each in told if each.incident_id}
    rows = [incident_row(each) for each in stored.values()]
    await alert_incidents.write(connection, sorted(rows, key=lambda row: row.closed_at is None))


async def write_alerts(
    connection: Connected, term: int, alerts: Alerts, memories: Mapping[Key, Memory], due_ms: Mapping[Key, int]
) -> None:
    """Write alerts, their transitions, and what is remembered."""
    await alert_states.write_alerts(connection, [alert_row(each) for each in alerts.changed.values()])
    await alert_states.write_transitions(connection, term, alerts.transitions)
    kept = [_state_row(key, memory, alerts, due_ms.get(key)) for key, memory in memories.items() if memory != FRESH]
    await alert_states.write_states(connection, kept)
    await alert_states.forget_states(connection, [ref(key) for key, memory in memories.items() if memory == FRESH])


async def tell(
    connection: Connected,
    tellings: Sequence[Telling],
    transitions: Sequence[Transition],
    now_ms: int,
    routes_for: RoutesFor,
    facts_of: FactsOf,
) -> int:
    """Enqueue what follows; return how many messages that is."""
    told = [each for each in tellings if each.kind is not None]
    if not told:
        return 0
    numbers = [each.incident.incident_id for each in told]
    router = await routes_for(connection, numbers)
    facts = await facts_of(connection, numbers)
    rows: list[Notification] = []
    for each in told:
        assert each.kind is not None
        keys = {alert.key for alert in each.incident.alerts.values()}
        happened = [transition for transition in transitions if transition.key in keys]
        rows += router.plan(facts[each.incident.incident_id], each.kind, happened, from_ms(now_ms))
    return await notify_outbox.enqueue(
        connection, [msgspec.convert(row, NewNotification, from_attributes=True) for row in rows]
    )


def ref(key: Key) -> SubjectRef:
    """Return a key as the store has it."""
    return SubjectRef(key.rule_id, key.subject_kind.value, key.subject_id)


def _span(found: Retrospect) -> SubjectSpan:
    key = found.key
    return SubjectSpan(
        key.rule_id, key.subject_kind.value, key.subject_id, from_ms(found.from_ms), from_ms(found.to_ms)
    )


def key_of(subject: SubjectRef) -> Key:
    """Return a key of the store."""
    return Key(subject.rule_id, SubjectKind(subject.subject_kind), subject.subject_id)


def read_alert(row: AlertRow) -> OpenAlert:
    """Return an alert of the store."""
    return OpenAlert(
        alert_id=row.alert_id,
        key=Key(row.rule_id, SubjectKind(row.subject_kind), row.subject_id),
        rule_version=row.rule_version,
        org_id=row.org_id,
        severity=Severity(row.severity),
        state=State(row.state),
        reason=Reason(row.reason),
        began_ms=to_ms(row.began_at),
        site_id=row.site_id,
        node_id=row.node_id,
        place_id=row.place_id,
        channel_id=row.channel_id,
        incident_id=row.incident_id,
        labels=row.labels,
        facts=row.facts,
        fired_ms=None if row.fired_at is None else to_ms(row.fired_at),
        ended_ms=None if row.ended_at is None else to_ms(row.ended_at),
        flapping=row.flapping,
        retrospective=row.retrospective,
        inhibited_by=row.inhibited_by,
    )


def alert_row(alert: OpenAlert) -> AlertRow:
    """Return an alert as the store has it."""
    return AlertRow(
        alert_id=alert.alert_id,
        rule_id=alert.key.rule_id,
        subject_kind=alert.key.subject_kind.value,
        subject_id=alert.key.subject_id,
        rule_version=alert.rule_version,
        org_id=alert.org_id,
        site_id=alert.site_id,
        node_id=alert.node_id,
        place_id=alert.place_id,
        channel_id=alert.channel_id,
        incident_id=alert.incident_id or None,
        severity=alert.severity.value,
        state=alert.state.value,
        reason=alert.reason.value,
        retrospective=alert.retrospective,
        flapping=alert.flapping,
        inhibited_by=alert.inhibited_by,
        labels=alert.labels,
        facts=alert.facts,
        began_at=from_ms(alert.began_ms),
        fired_at=None if alert.fired_ms is None else from_ms(alert.fired_ms),
        ended_at=None if alert.ended_ms is None else from_ms(alert.ended_ms),
    )


def incident_row(incident: Incident) -> IncidentRow:
    """Return an incident as the store has it."""
    return IncidentRow(
        incident.incident_id,
        incident.org_id,
        incident.cause.value,
        incident.group_key,
        incident.severity.value,
        incident.site_id,
        incident.node_id,
        from_ms(incident.opened_ms),
        None if incident.closed_ms is None else from_ms(incident.closed_ms),
        incident.document(),
    )


def read_incident(row: IncidentRow, alerts: Sequence[OpenAlert]) -> Incident:
    """Return an incident of the store with its alerts."""
    facts, book = read_facts(row.facts)
    return Incident(
        org_id=row.org_id,
        cause=Cause(row.cause),
        group_key=row.group_key,
        severity=Severity(row.severity),
        opened_ms=to_ms(row.opened_at),
        site_id=row.site_id,
        node_id=row.node_id,
        incident_id=row.incident_id,
        facts=facts,
        book=book,
        alerts={each.alert_id: each for each in alerts if each.incident_id == row.incident_id},
    )


def _state_row(key: Key, memory: Memory, alerts: Alerts, due_ms: int | None) -> StateRow:
    alert = alerts.by_key.get(key)
    document: dict[str, Any] = msgspec.to_builtins(memory)
    return StateRow(
        rule_id=key.rule_id,
        subject_kind=key.subject_kind.value,
        subject_id=key.subject_id,
        alert_id=None if alert is None else alert.alert_id,
        rule_version=0 if alert is None else alert.rule_version,
        memory=document,
        due_at=None if due_ms is None else from_ms(due_ms),
    )
