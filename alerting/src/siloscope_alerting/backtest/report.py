"""What a backtest found, for people and for programs."""

from collections.abc import Mapping, Sequence

import msgspec

from siloscope_alerting.backtest.replay import Replayed
from siloscope_alerting.columns import Catalogue
from siloscope_alerting.life import Key, Transition
from siloscope_contract.alerts.conditions import BadShare, NoData, Stuck, leaves
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.words import Severity, State, SubjectKind
from siloscope_process.clock import from_ms as instant


class Firing(msgspec.Struct, frozen=True):
    """One episode that fired.

    Attributes:
        began: Of the breach; the duration of the rule lies between it and `fired`.
        ended: None = it still fires at the end of the span.
        seconds: From `fired` to `ended`, or to the end of the span.
        value: What it saw when it fired.
        about_data: It says that readings are missing, bad or stuck, and nothing about what they measure.
    """

    rule: str
    subject: str
    severity: Severity
    began: str
    fired: str
    ended: str | None
    seconds: int
    value: float | None = None
    unit: str = ""
    about_data: bool = False


class Paged(msgspec.Struct, frozen=True):
    """How often a route would have sent messages of a kind to a channel."""

    route: str
    channel: str
    kind: str
    messages: int


class Report(msgspec.Struct, frozen=True):
    """What would have happened within a span."""

    rules: list[str]
    begins: str
    ends: str
    channels: int
    readings: int
    firings: list[Firing]
    incidents: int = 0
    paged: list[Paged] = []
    transitions: list[str] = []

    def of(self, rules: Sequence[str]) -> "Report":
        """Return the part that is about some of the rules; what they page stays that of all."""
        kept = [firing for firing in self.firings if firing.rule in rules]
        told = [line for line in self.transitions if line.split(" ", 2)[1] in rules]
        return msgspec.structs.replace(self, rules=list(rules), firings=kept, transitions=told)


def names_of(catalogue: Catalogue) -> Mapping[tuple[SubjectKind, int], str]:
    """Return how a subject is called: a channel by node, device and key, the others by their names."""
    found = {(SubjectKind(kind), number): name for (kind, number), name in catalogue.names.items()}
    found[SubjectKind.PLATFORM, 0] = "platform"
    for each in catalogue.channels:
        found[SubjectKind.CHANNEL, each.channel_id] = each.title or f"{each.node}/{each.device}/{each.key}"
    return found


def reported(
    replayed: Replayed,
    rules: Mapping[int, Rule],
    catalogue: Catalogue,
    *,
    incidents: int = 0,
    paged: Sequence[Paged] = (),
) -> Report:
    """Return a replay as firings, in the order in which they fired, and transitions."""
    names = names_of(catalogue)
    firings = [
        firing
        for key, changes in _episodes(replayed.transitions)
        if (firing := _firing(key, changes, rules[key.rule_id], names, replayed.to_ms)) is not None
    ]
    return Report(
        rules=[rule.rule for rule in rules.values()],
        begins=_shown(replayed.from_ms),
        ends=_shown(replayed.to_ms // 1000 * 1000),
        channels=len(catalogue.channels),
        readings=replayed.readings,
        firings=sorted(firings, key=lambda firing: (firing.fired, firing.rule, firing.subject)),
        incidents=incidents,
        paged=list(paged),
        transitions=lines(replayed, rules, names),
    )


def lines(replayed: Replayed, rules: Mapping[int, Rule], names: Mapping[tuple[SubjectKind, int], str]) -> list[str]:
    """Return transitions as lines, `2026-01-31T06:00:00Z rule subject: pending (breached)`, in the order of time.

    Those of one subject keep their order; of several at one time that of rule and subject is taken. What late data
    shows of the past is a line at its begin.
    """
    told = []
    for past in {(each.key, each.from_ms): each for each in replayed.retrospects}.values():
        rule, subject = rules[past.key.rule_id].rule, names[past.key.subject_kind, past.key.subject_id]
        worst = "" if past.worst is None else f", at worst {past.worst:g}"
        line = f"{_shown(past.from_ms)} {rule} {subject}: was so until {_shown(past.to_ms)}{worst} (late_excursion)"
        told.append((past.from_ms, rule, subject, -1, line))
    for number, each in enumerate(replayed.transitions):
        key, change = each.key, each.change
        rule, subject = rules[key.rule_id].rule, names[key.subject_kind, key.subject_id]
        line = f"{_shown(change.at_ms)} {rule} {subject}: {change.after} ({change.reason})"
        told.append((change.at_ms, rule, subject, number, line))
    return [line for *_, line in sorted(told)]


def _episodes(transitions: Sequence[Transition]) -> list[tuple[Key, list[Transition]]]:
    """Return the transitions of each episode: a new one begins with number 1."""
    open_ones: dict[Key, list[Transition]] = {}
    found: list[tuple[Key, list[Transition]]] = []
    for each in transitions:
        if each.number == 1 or each.key not in open_ones:
            open_ones[each.key] = []
            found.append((each.key, open_ones[each.key]))
        open_ones[each.key].append(each)
    return found


def _firing(
    key: Key,
    changes: Sequence[Transition],
    rule: Rule,
    names: Mapping[tuple[SubjectKind, int], str],
    to_ms: int,
) -> Firing | None:
    fired = next((each.change for each in changes if each.change.after is State.FIRING), None)
    if fired is None:
        return None
    last = changes[-1].change
    ended_ms = last.at_ms if last.after in (State.RESOLVED, State.OK) else None
    value = fired.facts.get("value")
    return Firing(
        rule=rule.rule,
        subject=names[key.subject_kind, key.subject_id],
        severity=rule.severity,
        began=_shown(changes[0].change.at_ms),
        fired=_shown(fired.at_ms),
        ended=None if ended_ms is None else _shown(ended_ms),
        seconds=round(((to_ms if ended_ms is None else ended_ms) - fired.at_ms) / 1000),
        value=value if isinstance(value, float) else None,
        unit=str(fired.facts.get("unit", "")),
        about_data=all(isinstance(leaf, NoData | Stuck | BadShare) for leaf in leaves(rule.condition)),
    )


def _shown(at_ms: int) -> str:
    at = instant(at_ms)
    return at.isoformat(timespec="seconds" if at.microsecond == 0 else "milliseconds").replace("+00:00", "Z")
