"""What is silent, as alerts: whoever is told of a silence finds it among the alerts, with its history and its buttons.

A rule about silent nodes or sites has such an alert already. Where none has, the silence gets one of a rule that nobody
wrote. It fires when the silence is told, clears while the backlog comes, and is over with the message that says so.
"""

from collections.abc import Sequence
from typing import Any

from siloscope_alerting.life import Key
from siloscope_alerting.watch import returning
from siloscope_alerting.watch.causes import SILENCE, Causes, Telling
from siloscope_alerting.watch.incidents import Incident, OpenAlert
from siloscope_alerting.watch.keeping import Alerts
from siloscope_alerting.watch.present import Present
from siloscope_contract.alerts import builtin
from siloscope_contract.alerts.words import Cause, Reason, State, SubjectKind
from siloscope_process.clock import from_ms
from siloscope_store import alert_rules, alert_states
from siloscope_store.alert_states import TransitionRow
from siloscope_store.connections import Connected

_SHOWN = ("silent_channels", "channels", "silent_nodes", "since")


async def take_silences(
    connection: Connected, alerts: Alerts, causes: Causes, tellings: Sequence[Telling], present: Present
) -> None:
    """Open alerts of silences that are told, and let those that are open follow what is so."""
    over = [each.incident for each in tellings if each.incident.closed_ms is not None]
    for incident in [*causes, *over]:
        if incident.cause not in SILENCE:
            continue
        if _wants_alert(incident):
            rule_id, version = await alert_rules.builtin(connection, incident.org_id, builtin.SILENCE)
            [number] = await alert_states.new_ids(connection, 1)
            alerts.begin(_opened(incident, number, rule_id, version, present))
        for alert_id in incident.book.steps:
            _follow(alerts, incident, incident.alerts[alert_id], present.now_ms)


def _about(incident: Incident) -> tuple[SubjectKind, int]:
    if incident.cause is Cause.SITE_SILENT:
        return SubjectKind.SITE, incident.site_id or 0
    return SubjectKind.NODE, incident.node_id or 0


def _wants_alert(incident: Incident) -> bool:
    """Say whether people were told of a silence that stands nowhere among the alerts."""
    if not incident.book.count or incident.closed_ms is not None or incident.book.returned_ms is not None:
        return False
    return not any(
        (each.key.subject_kind, each.key.subject_id) == _about(incident) and each.fired_ms and each.ended_ms is None
        for each in incident.alerts.values()
    )


def _opened(incident: Incident, number: int, rule_id: int, version: int, present: Present) -> OpenAlert:
    kind, about_id = _about(incident)
    silent = present.judgement.silent_sites if kind is SubjectKind.SITE else present.judgement.silent_nodes
    alert = OpenAlert(
        alert_id=number,
        key=Key(rule_id, kind, about_id),
        rule_version=version,
        org_id=incident.org_id,
        severity=incident.severity,
        state=State.OK,
        reason=Reason.SILENT,
        began_ms=silent.get(about_id, incident.opened_ms),
        site_id=incident.site_id,
        node_id=incident.node_id,
        facts={"kind": "no_data", **{name: incident.facts[name] for name in _SHOWN if name in incident.facts}},
        fired_ms=present.now_ms,
    )
    incident.join(alert)
    incident.book.steps[number] = 0
    return alert


def _follow(alerts: Alerts, incident: Incident, alert: OpenAlert, now_ms: int) -> None:
    """Let an alert about a silence be what its incident says."""
    after, reason = _standing(incident, alert)
    if alert.state is after or alert.ended_ms is not None:
        return
    number = incident.book.steps[alert.alert_id] = incident.book.steps[alert.alert_id] + 1
    row = TransitionRow(
        alert_id=alert.alert_id,
        number=number,
        org_id=alert.org_id,
        before=alert.state.value,
        after=after.value,
        reason=reason.value,
        event_at=from_ms(now_ms),
        facts=_facts_of(alert, after),
    )
    alert.state, alert.reason = after, reason
    if after is State.RESOLVED:
        alert.ended_ms = now_ms
        alerts.by_key.pop(alert.key, None)
    alerts.transitions.append(row)
    alerts.changed[alert.alert_id] = alert


def _facts_of(alert: OpenAlert, after: State) -> dict[str, Any]:
    return dict(alert.facts) if after is State.FIRING else {"since": returning.iso(alert.began_ms)}


def _standing(incident: Incident, alert: OpenAlert) -> tuple[State, Reason]:
    if incident.closed_ms is not None:
        return State.RESOLVED, Reason.DATA_BACK
    if (alert.key.subject_kind, alert.key.subject_id) != _about(incident):
        return State.UNKNOWN, Reason.SITE_SILENT  # its site has an alert of its own since
    if incident.book.returned_ms is not None:
        return State.CLEARING, Reason.DATA_BACK
    return State.FIRING, Reason.SILENT
