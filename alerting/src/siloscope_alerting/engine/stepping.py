"""From what is seen to what is remembered: gates, the state machine, and a book of all that changed in a round."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from siloscope_alerting.columns import Judgement, Outcome
from siloscope_alerting.engine.agenda import Agenda
from siloscope_alerting.engine.gates import Gates, Inhibition
from siloscope_alerting.engine.machine import due_ms, ended, step
from siloscope_alerting.engine.retrospect import Retrospection
from siloscope_alerting.engine.watched import WatchedRule
from siloscope_alerting.life import FRESH, Change, Key, Memory, Retrospect, Seen, Transition, Truth
from siloscope_contract.alerts.conditions import NoData
from siloscope_contract.alerts.spans import seconds
from siloscope_contract.alerts.words import Reason, Severity, State

Facts = Callable[[], dict[str, Any]]
_MAY_OPEN = (State.OK, State.PENDING)


class Book:
    """What a round changes."""

    def __init__(self) -> None:
        self.transitions: list[Transition] = []
        self.memories: dict[Key, Memory] = {}
        self.due_ms: dict[Key, int] = {}
        self.retrospects: list[Retrospect] = []
        self.steps = 0
        self.subjects = 0

    def outcome(self) -> Outcome:
        """Return it."""
        return Outcome(
            self.transitions,
            self.memories,
            self.due_ms,
            self.retrospects,
            {"steps": self.steps, "subjects": self.subjects},
        )

    def write(self, key: Key, before: Memory, changes: tuple[Change, ...], severity: Severity, version: int) -> None:
        """Add transitions, numbered on from those of the episode."""
        number = before.transitions
        for change in changes:
            number = 1 if change.before is State.OK else number + 1
            self.transitions.append(Transition(key, number, change, severity, version))


class Stepping:
    """Takes subjects through the state machine.

    Args:
        retrospections: By rule_id; they outlive an arrangement.
    """

    def __init__(self, inhibition: Inhibition, retrospections: dict[int, Retrospection]) -> None:
        self._inhibition = inhibition
        self._gates = Gates(())
        self._book = Book()
        self._agendas: dict[int, Agenda] = {}
        self._retrospections = retrospections

    def begin(self, judgement: Judgement, book: Book) -> "Stepping":
        """Begin a round."""
        self._gates, self._book = Gates(judgement.maintenance), book
        return self

    @property
    def book(self) -> Book:
        """What this round changed so far."""
        return self._book

    def adopt(
        self, key: Key, memory: Memory, watched: WatchedRule | None, old: WatchedRule | None, book: Book
    ) -> int | None:
        """Take over what was remembered, or end it where its rule or subject is no more; return the subject's index.

        Args:
            old: The rule as it was before it was arranged anew; None after a start.
        """
        index = None
        if watched is not None and watched.kind is key.subject_kind:
            index = watched.tree.subjects.index(key.subject_id)
        if watched is not None and index is not None:
            watched.remember(index, memory)
            if old is None:
                watched.forget_harmless(index)
            self.agenda(watched).put(index, due_ms(memory, watched.timing(index)))
            return index
        if watched is None:
            reason, severity, version = Reason.RULE_REMOVED, Severity.INFO, 0
        else:
            changed = old is not None and old.bound.version != watched.bound.version
            moved = changed or watched.kind is not key.subject_kind
            reason = Reason.RULE_CHANGED if moved else Reason.OUT_OF_SCOPE
            severity, version = watched.bound.rule.severity, watched.bound.version
        _, changes = ended(memory, reason, memory.last_ms or memory.began_ms or 0)
        book.write(key, memory, changes, severity, version)
        book.memories[key] = FRESH
        return None

    def agenda(self, watched: WatchedRule) -> Agenda:
        """Return when subjects of a rule are due."""
        return self._agendas.setdefault(watched.bound.rule_id, Agenda())

    def retrospection(self, watched: WatchedRule) -> Retrospection:
        """Return what late data shows for a rule."""
        hold_ms = seconds(watched.bound.rule.hold) * 1000
        return self._retrospections.setdefault(watched.bound.rule_id, Retrospection(hold_ms))

    def gate(self, watched: WatchedRule, index: int, at_ms: int) -> Reason | None:
        """Return why a subject may open nothing at an instant."""
        rule, memory = watched.bound.rule, watched.memory(index)
        state = memory.behind or memory.state
        if state in _MAY_OPEN:
            shut = self._gates.of(watched, index, at_ms)
            if shut is Reason.OFF_SCHEDULE or (shut is Reason.MAINTENANCE and state is State.OK):
                return shut
        if rule.inhibited_by and self._inhibition.holds(watched, index):
            return Reason.INHIBITED
        return None

    def step(self, watched: WatchedRule, index: int, seen: Seen, facts: Facts) -> None:
        """Take a subject one step; facts are asked for only when something changed."""
        book = self._book
        book.steps += 1
        before = watched.memory(index)
        if seen.breached is Truth.TRUE or seen.tick:
            seen = replace(seen, gate=self.gate(watched, index, seen.at_ms))
        elif before.silenced_by is not None and self._inhibition.holds(watched, index):
            seen = replace(seen, gate=Reason.INHIBITED)
        after, changes = step(before, seen, watched.timing(index))
        if changes:
            told = facts()
            if seen.reason in (Reason.NODE_SILENT, Reason.SITE_SILENT):
                told |= {"node": watched.channel_of(index).node, "site": watched.channel_of(index).site}
            rule = watched.bound.rule
            changes = tuple(replace(_named(each, watched), facts={**told, **each.facts}) for each in changes)
            book.write(watched.key(index), before, changes, rule.severity, watched.bound.version)
            if after.state is State.OK and before.state is not State.OK:
                self.retrospection(watched).note_end(
                    watched.key(index).subject_id, _told_before(before, changes), seen.at_ms
                )
        if after != before:
            self._keep(watched, index, before, after)
        else:
            watched.settle(index)

    def _keep(self, watched: WatchedRule, index: int, before: Memory, after: Memory) -> None:
        watched.remember(index, after)
        due = due_ms(after, watched.timing(index))
        self.agenda(watched).put(index, due)
        if after.state is State.FIRING and replace(before, last_ms=after.last_ms) == after:
            return  # what still fires has nothing new to write
        key = watched.key(index)
        self._book.memories[key] = after
        self._book.due_ms.pop(key, None)
        if due is not None:
            self._book.due_ms[key] = due


def _named(change: Change, watched: WatchedRule) -> Change:
    """A no-data rule has its own word for what it sees."""
    if change.reason is Reason.BREACHED and isinstance(watched.bound.rule.condition, NoData):
        return replace(change, reason=Reason.SILENT)
    return change


def _told_before(before: Memory, changes: tuple[Change, ...]) -> Memory:
    """Return the memory of an episode as of its last open state, also where it opened and ended in one step."""
    fired = [each for each in changes if each.after is State.FIRING]
    if fired and before.state in _MAY_OPEN:
        return replace(before, state=State.FIRING, began_ms=before.began_ms or fired[0].at_ms)
    return before
