"""One message per cause: which alerts belong together, when they are told, and when that is over. Pure.

What may yet turn out to have another cause waits: a node's silence for fifteen seconds (its site may follow), a channel
that sends nothing for the next sign of its node, a resolve until it is no flap. What waits untold is not stored, so
that nobody else tells it; after a restart it is found again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from siloscope_alerting.columns import BoundRule
from siloscope_alerting.ports import NotificationKind
from siloscope_alerting.watch import returning
from siloscope_alerting.watch.incidents import Incident, OpenAlert
from siloscope_alerting.watch.present import Present
from siloscope_contract.alerts.conditions import NoData
from siloscope_contract.alerts.spans import seconds
from siloscope_contract.alerts.words import Cause, Severity, State, SubjectKind

SETTLES_MS = 15_000
"""A node's silence is told after this: when its whole site follows, that is told instead."""
CHANGES_MS = 300_000
"""What joins an incident is told at most so often."""
LONGEST_QUIET_MS = 300_000
"""A resolve that may be a flap is told when it has lasted this long, a clear hold counted."""
SILENCE = (Cause.NODE_SILENT, Cause.SITE_SILENT)


@dataclass(frozen=True)
class Telling:
    """An incident that is told, closed, or both; `kind` None = it ends without a word."""

    incident: Incident
    kind: NotificationKind | None


class Causes:
    """The open incidents.

    Args:
        incidents: Those of the database.
        rules: By rule_id; rules that are no more are remembered as long as alerts of them are open.
    """

    def __init__(self, incidents: Iterable[Incident], rules: Mapping[int, BoundRule]) -> None:
        self._open = {(each.org_id, each.group_key): each for each in incidents}
        self.rules = dict(rules)

    def __iter__(self) -> Iterator[Incident]:
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    def fired(self, alert: OpenAlert, now_ms: int) -> Incident:
        """Put an alert that fires to those of the same cause."""
        bound = self.rules[alert.key.rule_id]
        silent = _silence_of(bound, alert)
        if silent is not None:
            incident = self._silence_incident(alert.org_id, *silent, alert.site_id, now_ms)
        else:
            key = group_key(bound, alert)
            incident = self._open.get((alert.org_id, key)) or self._new(
                Incident(alert.org_id, Cause.RULE, key, alert.severity, now_ms, alert.site_id, alert.node_id)
            )
        incident.join(alert)
        return incident

    def looked_back(self, alert: OpenAlert, now_ms: int) -> Incident:
        """Put an excursion of the past to the silence that hid it, or to the others of its site."""
        keys = [f"silent/site/{alert.site_id}", f"silent/node/{alert.node_id}", f"past/site/{alert.site_id}"]
        found = next((each for key in keys if (each := self._open.get((alert.org_id, key)))), None)
        incident = found or self._new(
            Incident(alert.org_id, Cause.RETROSPECTIVE, keys[-1], alert.severity, now_ms, alert.site_id)
        )
        incident.join(alert)
        return incident

    def follow(self, present: Present) -> Sequence[Telling]:
        """Open what the judgement says, and return what is told or over now."""
        self._open_silences(present)
        tellings = []
        for incident in self:
            telling = self._look(incident, present)
            if telling is None:
                continue
            if incident.closed_ms is not None:
                del self._open[incident.org_id, incident.group_key]
            if telling.kind is not None:
                _note(incident, present)
            tellings.append(telling)
        return tellings

    def _look(self, incident: Incident, present: Present) -> Telling | None:
        if incident.cause in SILENCE:
            return self._look_at_silence(incident, present)
        if incident.cause is Cause.RETROSPECTIVE:
            return self._look_back(incident, present)
        return self._look_at_rule(incident, present)

    # ---- alerts of rules

    def _look_at_rule(self, incident: Incident, present: Present) -> Telling | None:
        now_ms, book = present.now_ms, incident.book
        owed = [each for each in incident.alerts.values() if self._is_owed(each, incident, present)]
        flaps = any(each.flapping and each.ended_ms is None for each in incident.alerts.values())
        if not book.count:
            if owed:
                book.flapping = flaps
                return Telling(incident, "firing")
            if all(each.ended_ms is not None for each in incident.alerts.values()):
                incident.closed_ms = now_ms  # it ended before it was anything to tell
                return Telling(incident, None)
            return None
        if flaps is not book.flapping:
            book.flapping = flaps
            incident.cause = Cause.FLAPPING if flaps else Cause.RULE
            incident.facts |= {
                "flapping": flaps,
                "firings": sum(each.fired_ms is not None for each in incident.alerts.values()),
            }
            if flaps:
                return Telling(incident, "changed")
        if owed and now_ms - book.told_ms >= CHANGES_MS:
            return Telling(incident, "changed")
        if not owed and self._is_over(incident, now_ms):
            incident.closed_ms = now_ms
            return Telling(incident, "resolved")
        return None

    def _is_owed(self, alert: OpenAlert, incident: Incident, present: Present) -> bool:
        """Say whether an alert fired that no message has named."""
        if alert.fired_ms is None or alert.alert_id in incident.book.told:
            return False
        if self._is_believed(alert, incident):
            return False
        if not _is_no_data(self.rules.get(alert.key.rule_id)):
            return alert.ended_ms is None or not incident.book.count
        # Perhaps its node is going silent: that would be one message about all of them.
        heard_ms = present.heard_ms.get(alert.node_id or 0, present.now_ms)
        return alert.state in (State.FIRING, State.CLEARING) and heard_ms > alert.fired_ms

    def _is_believed(self, alert: OpenAlert, incident: Incident) -> bool:
        """Say whether it fires again so soon that people who were told believe that it never ended."""
        until_ms = float("-inf")
        for each in sorted(incident.alerts.values(), key=lambda one: one.alert_id):
            if each.key != alert.key or each.fired_ms is None:
                continue
            is_believed = each.fired_ms < until_ms
            if each.alert_id == alert.alert_id:
                return is_believed
            if is_believed or each.alert_id in incident.book.told:
                until_ms = float("inf") if each.ended_ms is None else each.ended_ms + self._quiet_ms(each)
        return False

    def _is_over(self, incident: Incident, now_ms: int) -> bool:
        return all(
            each.ended_ms is not None and now_ms >= each.ended_ms + self._quiet_ms(each)
            for each in incident.alerts.values()
        )

    def _quiet_ms(self, alert: OpenAlert) -> int:
        """Return how long a resolve must have lasted to be told: until then it may be a flap."""
        bound = self.rules.get(alert.key.rule_id)
        if bound is None or alert.fired_ms is None or alert.ended_ms is None:
            return 0
        quiet_ms = min(LONGEST_QUIET_MS, seconds(bound.rule.flapping.within) * 250)
        return max(0, quiet_ms - seconds(bound.rule.clear_hold) * 1000)

    # ---- silence

    def _open_silences(self, present: Present) -> None:
        judgement = present.judgement
        for site_id in judgement.silent_sites:
            nodes = present.nodes.get(site_id, {})
            org_id = present.organisation_of.get(site_id)
            if org_id is not None and not self._covered(org_id, site_id):
                self._silence_incident(org_id, Cause.SITE_SILENT, site_id, site_id, present.now_ms)
                for node_id in nodes:
                    self._fold(org_id, site_id, node_id)
        for site_id, nodes in present.nodes.items():
            org_id = present.organisation_of.get(site_id)
            if org_id is None or self._covered(org_id, site_id):
                continue
            for node_id in nodes:
                if node_id in judgement.silent_nodes:
                    self._silence_incident(org_id, Cause.NODE_SILENT, node_id, site_id, present.now_ms)

    def _covered(self, org_id: int, site_id: int | None) -> bool:
        return (org_id, f"silent/site/{site_id}") in self._open

    def _fold(self, org_id: int, site_id: int, node_id: int) -> None:
        """Let a site's silence tell what a node's would, or told."""
        site = self._open[org_id, f"silent/site/{site_id}"]
        node = self._open.get((org_id, f"silent/node/{node_id}"))
        if node is None:
            return
        site.book.changed |= bool(node.book.count)
        for alert in node.alerts.values():
            site.join(alert)
        site.book.steps |= node.book.steps
        node.alerts, node.book.steps = {}, {}
        node.facts["folded"] = True

    def _silence_incident(self, org_id: int, cause: Cause, about_id: int, site_id: int | None, now_ms: int) -> Incident:
        if cause is Cause.NODE_SILENT and self._covered(org_id, site_id):
            return self._open[org_id, f"silent/site/{site_id}"]
        key = f"silent/{'site' if cause is Cause.SITE_SILENT else 'node'}/{about_id}"
        known = self._open.get((org_id, key))
        if known is not None:
            return known
        node_id = about_id if cause is Cause.NODE_SILENT else None
        return self._new(Incident(org_id, cause, key, Severity.WARNING, now_ms, site_id, node_id))

    def _look_at_silence(self, incident: Incident, present: Present) -> Telling | None:
        now_ms, book = present.now_ms, incident.book
        if incident.facts.get("folded"):
            incident.closed_ms = now_ms
            return Telling(incident, None)
        silent = self._silent_nodes(incident, present)
        others = [each for each in incident.alerts.values() if each.alert_id not in book.steps]
        if silent or any(each.ended_ms is None for each in others):
            book.returned_ms = None
            settled = incident.cause is Cause.SITE_SILENT or now_ms - incident.opened_ms >= SETTLES_MS
            if book.count or not settled:
                return None
            incident.facts |= self._silence_facts(incident, silent, present)
            book.silent = {node: present.judgement.silent_nodes[node] for node in silent}
            return Telling(incident, "changed" if book.changed else "firing")
        if book.returned_ms is None:
            book.returned_ms = now_ms
        past = [each for each in others if each.retrospective]
        if not book.count and not past:
            incident.closed_ms = now_ms
            return Telling(incident, None)
        if not returning.is_complete(incident, book.returned_ms, self._nodes(incident, present), present):
            return None
        incident.closed_ms = now_ms
        if past:
            incident.facts["retrospects"] = [returning.line(each, present) for each in returning.joined(past)]
        return Telling(incident, "retrospective" if past else "resolved")

    def _nodes(self, incident: Incident, present: Present) -> AbstractSet[int]:
        if incident.node_id is not None:
            return {incident.node_id}
        return set(present.nodes.get(incident.site_id or 0, ()))

    def _silent_nodes(self, incident: Incident, present: Present) -> list[int]:
        return sorted(self._nodes(incident, present) & set(present.judgement.silent_nodes))

    def _silence_facts(self, incident: Incident, silent: Sequence[int], present: Present) -> dict[str, object]:
        """Return what is silent, and what fired when it went silent."""
        channels = present.nodes.get(incident.site_id or 0, {})
        nodes = silent or sorted(self._nodes(incident, present))
        sinces_ms = [each for node in nodes if (each := present.judgement.silent_nodes.get(node))]
        firing = [
            {"alert_id": each.alert_id, "rule_name": present.rule_name(each), "subject": present.subject(each)}
            for other in self._open.values()
            if other.cause not in SILENCE and other.org_id == incident.org_id
            for each in other.alerts.values()
            if each.fired_ms is not None and each.ended_ms is None and each.inhibited_by is None
            if not _is_no_data(self.rules.get(each.key.rule_id))
            if (each.node_id in nodes if each.node_id is not None else each.site_id == incident.site_id)
        ]
        return {
            "silent_channels": sum(channels.get(node, 0) for node in nodes),
            "channels": sum(channels.values()),
            "silent_nodes": [present.node_name(node) for node in nodes],
            "since": returning.iso(max(sinces_ms, default=incident.opened_ms)),
            "firing": firing,
        }

    # ---- the past

    def _look_back(self, incident: Incident, present: Present) -> Telling | None:
        nodes = set(present.nodes.get(incident.site_id or 0, ()))
        if not returning.is_complete(incident, incident.opened_ms, nodes, present):
            return None
        incident.closed_ms = present.now_ms
        past = returning.joined(list(incident.alerts.values()))
        incident.facts["retrospects"] = [returning.line(each, present) for each in past]
        return Telling(incident, "retrospective")

    def _new(self, incident: Incident) -> Incident:
        self._open[incident.org_id, incident.group_key] = incident
        return incident


def group_key(bound: BoundRule, alert: OpenAlert) -> str:
    """Return what alerts of one message have in common, as the rule groups them.

    What has no place is grouped by its node, and what has no node by its site.
    """
    node = f"node/{alert.node_id}" if alert.node_id is not None else f"site/{alert.site_id}"
    values = {
        "rule": f"rule/{bound.rule_id}",
        "subject": f"{alert.key.subject_kind}/{alert.key.subject_id}",
        "place": node if alert.place_id is None else f"place/{alert.place_id}",
        "node": node,
        "site": f"site/{alert.site_id}",
    }
    return " ".join(dict.fromkeys(values[each] for each in bound.rule.group_by)) or "all"


def _is_no_data(bound: BoundRule | None) -> bool:
    return bound is not None and isinstance(bound.rule.condition, NoData)


def _silence_of(bound: BoundRule, alert: OpenAlert) -> tuple[Cause, int] | None:
    """Return which silence a rule's alert is about, where it is about one."""
    if not _is_no_data(bound):
        return None
    if alert.key.subject_kind is SubjectKind.NODE:
        return Cause.NODE_SILENT, alert.key.subject_id
    return (Cause.SITE_SILENT, alert.key.subject_id) if alert.key.subject_kind is SubjectKind.SITE else None


def _note(incident: Incident, present: Present) -> None:
    """Write into the book that a message goes out, and what it names."""
    book = incident.book
    book.count += 1
    book.told = sorted({*book.told, *(each.alert_id for each in incident.alerts.values() if each.fired_ms is not None)})
    book.told_ms = present.now_ms
