"""What alerts are about: where a subject is, and how it is called."""

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from siloscope_alerting.columns import BoundRule, Catalogue, ChannelFacts
from siloscope_alerting.life import Key, Retrospect, Transition
from siloscope_alerting.watch.incidents import OpenAlert
from siloscope_contract.alerts.words import Reason, State, SubjectKind


class Where(msgspec.Struct, frozen=True):
    """Ids of what a subject belongs to."""

    org_id: int
    site_id: int | None = None
    node_id: int | None = None
    place_id: int | None = None
    channel_id: int | None = None


class Subjects:
    """Subjects of a catalogue's channels, and the rules that alerts are of.

    Args:
        catalogue: All living channels.
        rules: By rule_id, those that are no more as well while alerts of them are open.
    """

    def __init__(self, catalogue: Catalogue, rules: Mapping[int, BoundRule]) -> None:
        self._names = catalogue.names
        self._rules = rules
        self._of: dict[tuple[SubjectKind, int], ChannelFacts] = {}
        self.nodes: dict[int, dict[int, int]] = defaultdict(dict)
        """Of each site its nodes, and how many channels of measurements each has."""
        self.organisation_of: dict[int, int] = {}
        for each in catalogue.channels:
            self._of[SubjectKind.CHANNEL, each.channel_id] = each
            self._of.setdefault((SubjectKind.NODE, each.node_id), each)
            self._of.setdefault((SubjectKind.SITE, each.site_id), each)
            if each.place_id is not None:
                self._of.setdefault((SubjectKind.PLACE, each.place_id), each)
            if not each.vitals:
                nodes = self.nodes[each.site_id]
                nodes[each.node_id] = nodes.get(each.node_id, 0) + 1
                self.organisation_of[each.site_id] = each.org_id

    def alert(self, alert_id: int, transition: Transition) -> OpenAlert:
        """Return the episode that a transition opens."""
        bound = self._rules[transition.key.rule_id]
        where = self._where(transition.key, bound)
        return OpenAlert(
            alert_id=alert_id,
            key=transition.key,
            rule_version=transition.rule_version,
            severity=transition.severity,
            state=transition.change.after,
            reason=transition.change.reason,
            began_ms=transition.change.at_ms,
            labels=dict(bound.rule.labels),
            **msgspec.structs.asdict(where),
        )

    def excursion(self, alert_id: int, found: Retrospect) -> OpenAlert:
        """Return an episode of the past, that is over."""
        bound = self._rules[found.key.rule_id]
        return OpenAlert(
            alert_id=alert_id,
            key=found.key,
            rule_version=found.rule_version,
            severity=found.severity,
            state=State.RESOLVED,
            reason=Reason.LATE_EXCURSION,
            began_ms=found.from_ms,
            fired_ms=found.from_ms,
            ended_ms=found.to_ms,
            retrospective=True,
            labels=dict(bound.rule.labels),
            facts={"worst": found.worst, "now": found.now, "unit": found.unit},
            **msgspec.structs.asdict(self._where(found.key, bound)),
        )

    def keeper(self, alert: OpenAlert, open_alerts: Mapping[Key, OpenAlert]) -> int | None:
        """Return the alert that fires for the same subject, or for what it belongs to, and inhibits this one."""
        bound = self._rules.get(alert.key.rule_id)
        if bound is None or not bound.rule.inhibited_by:
            return None
        belongs = {(alert.key.subject_kind, alert.key.subject_id)} | {
            (kind, number)
            for kind, number in (
                (SubjectKind.PLACE, alert.place_id),
                (SubjectKind.NODE, alert.node_id),
                (SubjectKind.SITE, alert.site_id),
            )
            if number is not None
        }
        for rule_id, other in self._rules.items():
            if other.org_id == alert.org_id and other.rule.rule in bound.rule.inhibited_by:
                for kind, number in belongs:
                    found = open_alerts.get(Key(rule_id, kind, number))
                    if found is not None and found.fired_ms is not None:
                        return found.alert_id
        return None

    def rule_name(self, alert: OpenAlert) -> str:
        """Return how a rule is called."""
        bound = self._rules.get(alert.key.rule_id)
        return str(alert.key.rule_id) if bound is None else bound.rule.name

    def subject(self, alert: OpenAlert) -> str:
        """Return how a subject is called: a channel with its place, where it has one."""
        kind, number = alert.key.subject_kind, alert.key.subject_id
        if kind is SubjectKind.PLATFORM:
            return "Siloscope"
        if kind is not SubjectKind.CHANNEL:
            return self._names.get((kind.value, number), f"{kind.value} {number}")
        facts = self._of.get((kind, number))
        if facts is None:
            return f"channel {number}"
        place = self._names.get(("place", facts.place_id)) if facts.place_id is not None else None
        return f"{place}, {facts.title}" if place else f"{facts.node}, {facts.title}"

    def node_name(self, node_id: int) -> str:
        """Return how a node is called."""
        return self._names.get(("node", node_id), f"node {node_id}")

    def _where(self, key: Key, bound: BoundRule) -> Where:
        facts = self._of.get((key.subject_kind, key.subject_id))
        if facts is None:
            return Where(bound.org_id)
        if key.subject_kind is SubjectKind.SITE:
            return Where(bound.org_id, facts.site_id)
        if key.subject_kind is SubjectKind.NODE:
            return Where(bound.org_id, facts.site_id, facts.node_id)
        if key.subject_kind is SubjectKind.PLACE:
            return Where(bound.org_id, facts.site_id, None, facts.place_id)
        return Where(bound.org_id, facts.site_id, facts.node_id, facts.place_id, facts.channel_id)
