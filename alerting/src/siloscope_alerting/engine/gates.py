"""Why a subject may open nothing now: hours, maintenance, or a rule that it depends on."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from siloscope_alerting.columns import Flags, Maintenance
from siloscope_alerting.engine.schedule import is_open
from siloscope_alerting.engine.subjects import FINER_THAN, meant, meets
from siloscope_alerting.engine.table import NOWHERE
from siloscope_alerting.engine.watched import WatchedRule
from siloscope_contract.alerts.conditions import Count, leaves
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.selectors import Matcher
from siloscope_contract.alerts.words import Reason, State, SubjectKind

_NO_ZONE = "Etc/UTC"


class Gates:
    """The gates of one round.

    Args:
        maintenance: Windows that touch the times of the round.
    """

    def __init__(self, maintenance: Sequence[Maintenance]) -> None:
        self._maintenance = maintenance
        self._within: dict[tuple[int, int], Flags] = {}

    def of(self, watched: WatchedRule, index: int, at_ms: int) -> Reason | None:
        """Return why nothing may open at an instant; what is open already goes on."""
        rule = watched.bound.rule
        if rule.schedule:
            whole = watched.kind in (SubjectKind.ORGANISATION, SubjectKind.PLATFORM)
            zone = _NO_ZONE if whole else watched.channel_of(index).time_zone
            if not is_open(rule.schedule, zone, at_ms):
                return Reason.OFF_SCHEDULE
        for number, window in enumerate(self._maintenance):
            if window.org_id == watched.bound.org_id and window.from_ms <= at_ms < window.to_ms:
                if (number, watched.bound.rule_id) not in self._within:
                    self._within[number, watched.bound.rule_id] = within(window.matcher, watched)
                if self._within[number, watched.bound.rule_id][index]:
                    return Reason.MAINTENANCE
        return None


def within(matcher: Matcher, watched: WatchedRule) -> Flags:
    """Return which subjects of a rule a matcher means."""
    rule, subjects, table = watched.bound.rule, watched.tree.subjects, watched.table
    nobody = np.zeros(len(subjects), np.bool_)
    select = matcher.select
    names_rule = not matcher.rules or meets(matcher.rules, rule.rule)
    names_severity = not matcher.severities or rule.severity in matcher.severities
    has_labels = all(rule.labels.get(label) == value for label, value in matcher.labels.items())
    names_finer = any(getattr(select, field) for field in FINER_THAN.get(watched.kind, ()))
    if not (names_rule and names_severity and has_labels) or names_finer:
        return nobody
    rows = meant(select, table, org_id=watched.bound.org_id, also_vitals=not select.vitals)
    found = subjects.touched(rows)
    return nobody if found is None else found


class Inhibition:
    """Which subjects are held back by a rule that fires for them, or for what they belong to.

    Args:
        by_slug: All rules of all organisations at work.
    """

    def __init__(self, by_slug: Mapping[tuple[int, str], WatchedRule]) -> None:
        self._by_slug = by_slug

    def holds(self, watched: WatchedRule, index: int) -> bool:
        """Return whether one of the rules that this one depends on fires for the subject as things are now.

        A place or site that several nodes serve is held back only when the rule fires for all of them.
        """
        for slug in watched.bound.rule.inhibited_by:
            other = self._by_slug.get((watched.bound.org_id, slug))
            if other is not None and other.memories and _fires_for(other, watched, index):
                return True
        return False


def _fires_for(other: WatchedRule, watched: WatchedRule, index: int) -> bool:
    if other.kind is watched.kind:
        ids = {int(watched.tree.subjects.ids[index])}
    else:
        rows, table = watched.rows_of(index), watched.table
        columns = {
            SubjectKind.PLACE: table.place_id,
            SubjectKind.NODE: table.node_id,
            SubjectKind.SITE: table.site_id,
            SubjectKind.ORGANISATION: table.org_id,
        }
        if other.kind is SubjectKind.PLATFORM:
            ids = {0}
        elif other.kind in columns:
            ids = {int(each) for each in np.unique(columns[other.kind][rows])}
        else:
            return False
    return NOWHERE not in ids and all(_fires(other, subject_id) for subject_id in ids)


def _fires(watched: WatchedRule, subject_id: int) -> bool:
    index = watched.tree.subjects.index(subject_id)
    return index is not None and watched.memory(index).state in (State.FIRING, State.CLEARING)


def in_order(rules: Iterable[WatchedRule]) -> list[WatchedRule]:
    """Return rules after those that they depend on; of rules that depend on each other, any comes first."""
    waiting = {(each.bound.org_id, each.bound.rule.rule): each for each in rules}
    found: list[WatchedRule] = []
    begun: set[tuple[int, str]] = set()

    def place(name: tuple[int, str]) -> None:
        if name not in begun:
            begun.add(name)
            for slug in sorted(needs(waiting[name].bound.rule)):
                if (name[0], slug) in waiting:
                    place((name[0], slug))
            found.append(waiting[name])

    anybodys = [name for name, each in waiting.items() if _counts_any(each)]
    for name in [each for each in waiting if each not in anybodys] + anybodys:
        place(name)
    return found


def needs(rule: Rule) -> set[str]:
    """Return the rules whose states a rule reads."""
    counted = {each.rule for each in _counts(rule) if each.rule is not None}
    return counted | set(rule.inhibited_by)


def _counts_any(watched: WatchedRule) -> bool:
    return any(each.rule is None and each.state in ("pending", "firing") for each in _counts(watched.bound.rule))


def _counts(rule: Rule) -> list[Count]:
    return [each for each in leaves(rule.condition) if isinstance(each, Count)]
