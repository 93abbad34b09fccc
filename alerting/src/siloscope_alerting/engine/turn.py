"""One round: waves of readings, then what time alone changes, then what late data shows."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from siloscope_alerting.columns import Flags, Int32, Int64, Readings
from siloscope_alerting.engine import arrivals
from siloscope_alerting.engine.facts import facts_of, margin_of
from siloscope_alerting.engine.joins import Truths
from siloscope_alerting.engine.retrospect import OPEN, LateLook
from siloscope_alerting.engine.stepping import Stepping
from siloscope_alerting.engine.table import Table
from siloscope_alerting.engine.tree import Sight, last_time_ms
from siloscope_alerting.engine.view import NEVER, View
from siloscope_alerting.engine.watched import WatchedRule
from siloscope_alerting.life import Memory, Retrospect, Seen, Truth
from siloscope_contract.alerts.words import Reason, State


class Turn:
    """The work of one round.

    Args:
        rules: After those that they depend on.
        sight: Of the present.
    """

    def __init__(self, table: Table, rules: Sequence[WatchedRule], stepping: Stepping, sight: Sight) -> None:
        self._table, self._rules, self._stepping, self._sight = table, rules, stepping, sight
        self._put_off: dict[int, list[tuple[int, Seen, dict[str, Any]]]] = {}

    # ---- readings

    def take(self, rows: Int32) -> None:
        """Judge what new readings of these rows change."""
        changed, blocks = self._changed(rows)
        for watched in self._rules:
            for leaf in watched.tree.windowed:
                leaf.feed(changed, self._sight.view)
            if not watched.timed:
                picked = watched.touched(changed, blocks)
                if picked is not None:
                    self._judge(watched, picked, self._times(watched))

    def count(self) -> None:
        """Judge what counts states that the readings taken so far led to, before the next ones change them."""
        now_ms = self._sight.judgement.absent_to_ms
        for watched in self._rules:
            subjects = watched.tree.subjects
            if watched.tree.counting and len(subjects):
                self._judge(watched, np.ones(len(subjects), np.bool_), np.full(len(subjects), now_ms))

    def judge_whole(self, rule_ids: set[int]) -> None:
        """Judge rules that are new by what is known, whether or not it is news."""
        for watched in self._rules:
            if watched.bound.rule_id in rule_ids and not watched.timed and len(watched.tree.subjects):
                times = self._times(watched)
                self._judge(watched, times != NEVER, times)

    # ---- time

    def end(self, newly_absent: Flags) -> None:
        """Judge what time alone changes, each rule after those that it depends on."""
        changed, blocks = self._changed(np.flatnonzero(newly_absent).astype(np.int32))
        now_ms = self._sight.judgement.absent_to_ms
        for watched in self._rules:
            subjects = watched.tree.subjects
            if not len(subjects):
                continue
            for index, seen, facts in self._put_off.pop(watched.bound.rule_id, ()):
                self._stepping.step(watched, index, seen, partial(dict, facts))
            if watched.timed:
                self._judge(watched, np.ones(len(subjects), np.bool_), np.full(len(subjects), now_ms), last=True)
            elif newly_absent.any():
                picked = watched.touched(changed, blocks)
                if picked is not None:
                    self._judge(watched, picked, self._times(watched), last=True)
            self._tick(watched, now_ms)

    def _tick(self, watched: WatchedRule, now_ms: int) -> None:
        tick = Seen(now_ms, Truth.UNKNOWN, Truth.UNKNOWN, tick=True)
        due = set(self._stepping.agenda(watched).take_due(now_ms))
        if watched.bound.rule.inhibited_by:
            for index, memory in watched.memories.items():
                held = self._stepping.gate(watched, index, now_ms) is Reason.INHIBITED
                if (memory.silenced_by is not None and not held) or (held and _plainly_open(memory)):
                    due.add(index)
        for index in sorted(due):
            self._stepping.step(watched, index, tick, partial(facts_of, watched, index, self._sight))

    # ---- the past

    def look_back(self, late: Readings, gaps: Readings) -> None:
        """Let late readings fill gaps and tell of the past; recalled ones fill gaps alone."""
        for readings, tells in ((gaps, False), (late, True)):
            past = Sight(View.empty(len(self._table)), self._sight.judgement, self._sight.in_state, learns=False)
            for wave in arrivals.waves(readings):
                past.view.take(wave.row, wave.time_ms, wave.value, wave.quality)
                changed, blocks = self._changed(wave.row)
                for watched in self._rules:
                    if tells:
                        for leaf in watched.tree.windowed:
                            leaf.feed(changed, past.view)
                    picked = None if watched.timed else watched.touched(changed, blocks)
                    if picked is not None:
                        self._judge_past(watched, picked, past, tells=tells)
        for watched in self._rules:
            self._tell(watched)

    def _judge_past(self, watched: WatchedRule, picked: Flags, past: Sight, *, tells: bool) -> None:
        breached, _ = watched.tree.answer(picked, past)
        times = last_time_ms(watched.tree.subjects, past.view)
        retrospection = self._stepping.retrospection(watched)
        for index in np.flatnonzero(picked & (breached != -1)):
            subject, at_ms, truth = int(index), int(times[index]), Truth(int(breached[index]))
            facts = partial(facts_of, watched, subject, past)
            if State.PENDING in (watched.memory(subject).state, watched.memory(subject).behind):
                self._stepping.step(watched, subject, Seen(at_ms, truth, Truth.UNKNOWN, late=True), facts)
            subject_id = watched.key(subject).subject_id
            if not tells or (truth is not Truth.TRUE and not retrospection.has_run(subject_id)):
                continue
            if truth is not Truth.TRUE or self._stepping.gate(watched, subject, at_ms) is None:
                look = _late_look(watched, subject, past, at_ms, truth)
                retrospection.take(subject_id, look, watched.timing(subject).longest_gap_ms)

    def _tell(self, watched: WatchedRule) -> None:
        rule = watched.bound
        for subject_id, run in self._stepping.retrospection(watched).found(watched.memory_of):
            subject = watched.tree.subjects.index(subject_id)
            if subject is None:
                continue  # it was met when the data came, and is no more
            now = facts_of(watched, subject, self._sight).get("value")
            self._stepping.book.retrospects.append(
                Retrospect(
                    watched.key(subject),
                    rule.version,
                    rule.rule.severity,
                    run.from_ms,
                    run.to_ms,
                    run.worst,
                    now,
                    run.unit,
                )
            )

    # ---- one rule

    def _judge(self, watched: WatchedRule, picked: Flags, times: Int64, *, last: bool = False) -> None:
        """Judge some subjects; what depends on other rules is put off to the last of the round."""
        breached, cleared = watched.tree.answer(picked, self._sight)
        put_off = bool(watched.bound.rule.inhibited_by) and not last
        for index in watched.worth_a_step(picked, breached):
            seen = self._seen(watched, index, breached, cleared, int(times[index]))
            facts = partial(facts_of, watched, index, self._sight)
            if put_off:
                watched.stir(index)
                self._put_off.setdefault(watched.bound.rule_id, []).append((index, seen, facts()))
            else:
                self._stepping.step(watched, index, seen, facts)

    def _seen(self, watched: WatchedRule, index: int, breached: Truths, cleared: Truths, at_ms: int) -> Seen:
        if breached[index] != -1:
            return Seen(at_ms, Truth(int(breached[index])), Truth(int(cleared[index])))
        reason = self._why_unknown(watched, index)
        if reason not in (None, Reason.BAD_DATA):  # it is time that says so, not a reading
            at_ms = max(at_ms, self._sight.judgement.absent_to_ms)
        return Seen(at_ms, Truth.UNKNOWN, Truth.UNKNOWN, reason)

    def _why_unknown(self, watched: WatchedRule, index: int) -> Reason | None:
        """Return why nothing can be said; None where that is for want of history, which changes nothing."""
        judgement, view = self._sight.judgement, self._sight.view
        rows = watched.rows_of(index)
        absent = bool(view.absent[rows].any())
        if judgement.platform_down and (absent or watched.timed):
            return Reason.PLATFORM_DOWN
        if _all_among(self._table.site_id[rows], judgement.silent_sites):
            return Reason.SITE_SILENT
        if _all_among(self._table.node_id[rows], judgement.silent_nodes):
            return Reason.NODE_SILENT
        if absent:
            return Reason.NO_DATA
        return Reason.BAD_DATA if bool(np.isnan(view.value[rows]).any()) else None

    def _times(self, watched: WatchedRule) -> Int64:
        subjects = watched.tree.subjects
        if subjects.single:
            return self._sight.view.time_ms[subjects.rows]
        return last_time_ms(subjects, self._sight.view)

    def _changed(self, rows: Int32) -> tuple[Flags, Flags]:
        changed = np.zeros(len(self._table), np.bool_)
        changed[rows] = True
        blocks = np.zeros(int(self._table.block.max(initial=-1)) + 1, np.bool_)
        blocks[self._table.block[rows]] = True
        return changed, blocks


def _plainly_open(memory: Memory) -> bool:
    return memory.state in OPEN and memory.silenced_by is None


def _all_among(ids: Int32, wanted: Mapping[int, int]) -> bool:
    return bool(wanted) and all(int(each) in wanted for each in np.unique(ids))


def _late_look(watched: WatchedRule, index: int, past: Sight, at_ms: int, truth: Truth) -> LateLook:
    if truth is not Truth.TRUE:
        return LateLook(at_ms, truth)
    facts = facts_of(watched, index, past)
    return LateLook(at_ms, truth, facts.get("value"), margin_of(watched, index, past), str(facts.get("unit", "")))
