"""A rule's condition, bound to the rows that it reads: it answers for subjects."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from siloscope_alerting.columns import BoundRule, Flags, Float, Int32, Int64, Judgement
from siloscope_alerting.engine import derived, moisture
from siloscope_alerting.engine.conditions import count, kinds, threshold
from siloscope_alerting.engine.conditions.look import Judged, Look
from siloscope_alerting.engine.joins import Truths, all_clear, either, every, negated, one_holds
from siloscope_alerting.engine.subjects import Subjects, meant
from siloscope_alerting.engine.table import NOWHERE, Table
from siloscope_alerting.engine.view import View
from siloscope_alerting.engine.windows import Windows
from siloscope_contract.alerts.conditions import (
    All,
    AnyOf,
    Condition,
    Count,
    Leaf,
    NoData,
    Not,
    Platform,
    Threshold,
    leaves,
)
from siloscope_contract.alerts.selectors import Selector
from siloscope_contract.alerts.words import SubjectKind
from siloscope_contract.quality import FIRST_BAD

InState = Callable[[str | None, str, Int32], tuple[Flags, Flags]]
Answer = tuple[Truths, Truths]


@dataclass(frozen=True)
class Sight:
    """What a condition is judged on at one instant.

    Attributes:
        in_state: Of these rows, which have an alert of a rule (None = of any) that is in a state, and which have one
            of which nothing is known since it was.
        learns: Whether what is seen is remembered as what a channel said last: not so for the past.
    """

    view: View
    judgement: Judgement
    in_state: InState
    learns: bool = True


class Node(Protocol):
    """A part of a condition: breached and cleared for each of `size` subjects, unknown for those not picked."""

    def answer(self, picked: Flags, sight: Sight) -> Answer: ...


@dataclass(frozen=True)
class Joined:
    """`all` and `any`: what is not all of them is cleared where one of them is."""

    parts: Sequence[Node]
    all: bool

    def answer(self, picked: Flags, sight: Sight) -> Answer:
        answers = [part.answer(picked, sight) for part in self.parts]
        breached, cleared = [each[0] for each in answers], [each[1] for each in answers]
        return (every(breached), either(cleared)) if self.all else (either(breached), every(cleared))


@dataclass(frozen=True)
class Negated:
    """`not`: it is cleared where the condition holds."""

    part: Node

    def answer(self, picked: Flags, sight: Sight) -> Answer:
        breached, _ = self.part.answer(picked, sight)
        return negated(breached), breached


class Bound:
    """One leaf of a condition and its rows, ordered by subject.

    Attributes:
        rows: What it reads.
        of_row: Which subject each belongs to.
        partner: For what is derived from two quantities: the humidity that goes with each temperature.
        windows: Where it looks back.
        harmless: What each row said last neither breached nor kept an alert open.
        filled: Its window holds what came before the engine began.
    """

    def __init__(self, condition: Leaf | Platform, table: Table, subjects: Subjects, wanted: Flags) -> None:
        self.condition = condition
        self.table = table
        self.size = len(subjects)
        inside = wanted[subjects.rows]
        self.rows, self.of_row = subjects.rows[inside], subjects.of_row[inside]
        self.partner: Int32 | None = None
        if isinstance(condition, Leaf) and condition.reads != "value":
            self._read_pairs()
        self.single = bool((self.of_row[1:] != self.of_row[:-1]).all())
        self.harmless = np.ones(len(self.rows), np.bool_)
        self.filled = np.zeros(len(self.rows), np.bool_)
        self.windows = self._windows(kinds.window_ms(condition))
        self._judge: Callable[[Any, Look], Judged] | None = kinds.JUDGES.get(type(condition))

    def answer(self, picked: Flags, sight: Sight) -> Answer:
        breached = np.full(self.size, -1, np.int8)
        cleared = breached.copy()
        at = np.flatnonzero(picked[self.of_row])
        if not len(at):
            return breached, cleared
        if isinstance(self.condition, Count):
            return self._counted(at, sight, breached, cleared)
        judged = self.judged(at, sight)
        if not isinstance(self.condition, kinds.TIMED):
            judged = judged.without(sight.view.absent[self.rows[at]])
        if sight.learns:
            known = judged.breached != -1
            self.harmless[at[known]] = ((judged.breached == 0) & (judged.cleared == 1))[known]
        subjects = self.of_row[at]
        if self.single:
            breached[subjects], cleared[subjects] = judged.breached, judged.cleared
            return breached, cleared
        starts = np.flatnonzero(np.r_[True, subjects[1:] != subjects[:-1]])
        breached[subjects[starts]] = one_holds(judged.breached, self.harmless[at], starts)
        cleared[subjects[starts]] = all_clear(judged.cleared, self.harmless[at], starts)
        return breached, cleared

    def judged(self, at: NDArray[np.intp], sight: Sight) -> Judged:
        """Return the answer for some of the rows."""
        rows, view = self.rows[at], sight.view
        within = None
        if self.windows is not None:
            within = self.windows.within(at.astype(np.int32), view.time_ms[rows])
        if self._judge is None:
            raise TypeError(f"{type(self.condition).__name__} has no judge")
        return self._judge(self.condition, Look(self.table, view, rows, self.values(at, view), sight.judgement, within))

    def values(self, at: NDArray[np.intp], view: View, *, stale: bool = False) -> Float:
        """Return what is read of some of the rows; NaN where nothing counts, or only as long as it is not stale."""
        rows = self.rows[at]
        read = (lambda them: view.value[them]) if stale else view.current
        if self.partner is None:
            return read(rows)
        with_it = self.partner[at]
        apart_ms = np.abs(view.time_ms[rows] - view.time_ms[with_it])
        allowed_ms = np.maximum(self.table.allowance_ms[rows], self.table.allowance_ms[with_it])
        humidity = np.where(apart_ms <= allowed_ms, read(with_it), np.nan)
        return self._derive(rows, read(rows), humidity)

    def feed(self, changed: Flags, view: View) -> None:
        """Add what changed to the windows."""
        if self.windows is None:
            return
        hit = changed[self.rows] if self.partner is None else changed[self.rows] | changed[self.partner]
        at = np.flatnonzero(hit)
        if len(at):
            self.windows.add(at.astype(np.int32), view.time_ms[self.rows[at]], self.values(at, view, stale=True))

    def inherit(self, old: "Bound") -> None:
        """Take over what the same leaf knew of the same channels before they were arranged anew."""
        if old.condition != self.condition:
            return
        ids, theirs_ids = self.table.channel_id[self.rows], old.table.channel_id[old.rows]
        if np.array_equal(ids, theirs_ids):
            mine = theirs = np.arange(len(ids), dtype=np.int32)
        else:
            known = {channel_id: at for at, channel_id in enumerate(theirs_ids.tolist())}
            pairs = [(at, known[each]) for at, each in enumerate(ids.tolist()) if each in known]
            mine, theirs = np.array(pairs, np.int32).reshape(-1, 2).T
        if len(mine):
            self.harmless[mine] = old.harmless[theirs]
            if (
                self.windows is not None
                and old.windows is not None
                and self.windows.take_over(mine, old.windows, theirs)
            ):
                self.filled[mine] = old.filled[theirs]

    def unfilled(self) -> Int32:
        """Return the rows whose windows hold nothing of before, with those of their partners."""
        rows = self.rows[~self.filled]
        return rows if self.partner is None else np.concatenate([rows, self.partner[~self.filled]])

    def recall(self, history: Mapping[int, tuple[Int64, Float]]) -> None:
        """Fill windows from stored samples; of pairs, from those that have one time."""
        if self.windows is None:
            return
        for slot, row in enumerate(self.rows):
            if int(row) not in history:
                continue
            times, values = history[int(row)]
            if self.partner is not None:
                others, humidity = history.get(int(self.partner[slot]), (times[:0], values[:0]))
                times, mine, theirs = np.intersect1d(times, others, return_indices=True)
                values = self._derive(np.full(len(times), row, np.int32), values[mine], humidity[theirs])
            self.windows.fill(slot, times, values)
            self.filled[slot] = True

    def learn_last(self, row: int, value: float | None) -> None:
        """Say of a row whether its last value was harmless; only a level can be judged by a value alone."""
        if value is None:
            self.harmless[self.rows == row] = True
        elif isinstance(self.condition, Threshold) and self.partner is None:
            judged = threshold.judge_values(self.condition, np.array([value]))
            self.harmless[self.rows == row] = (judged.breached[0], judged.cleared[0]) == (0, 1)

    # ---- how it is put together

    def _counted(self, at: NDArray[np.intp], sight: Sight, breached: Truths, cleared: Truths) -> Answer:
        condition, rows, subjects = self.condition, self.rows[at], self.of_row[at]
        assert isinstance(condition, Count)
        in_doubt = np.zeros(len(rows), np.bool_)
        if condition.state == "bad":
            counted = sight.view.quality[rows] >= FIRST_BAD
        elif condition.state == "silent":
            counted, in_doubt = self._silent(rows, sight)
        else:
            counted, in_doubt = sight.in_state(condition.rule, condition.state, rows)
        starts = np.flatnonzero(np.r_[True, subjects[1:] != subjects[:-1]])
        judged = count.judge(condition, counted, in_doubt, starts)
        breached[subjects[starts]], cleared[subjects[starts]] = judged.breached, judged.cleared
        return breached, cleared

    def _silent(self, rows: Int32, sight: Sight) -> tuple[Flags, Flags]:
        """Return which rows are absent, and which would be, were it not for an outage of ours."""
        judgement = sight.judgement
        up_ms = judgement.absent_to_ms - judgement.up_since_ms
        ours = judgement.platform_down | (up_ms <= self.table.quiet_ms[rows])
        absent = sight.view.absent[rows]
        return absent & ~ours, absent & ours

    def _windows(self, span_ms: int) -> Windows | None:
        if not span_ms:
            return None
        known_ms = self.table.interval_ms[self.rows]
        shortest_ms = int(known_ms.min(initial=span_ms)) if (known_ms > 0).all() else 0
        return Windows(len(self.rows), span_ms, shortest_ms)

    def _read_pairs(self) -> None:
        """Keep the temperatures that have a humidity at the same spot, else in the same place or device."""
        quantity = self.table.codes("quantity")
        is_temperature = quantity.where(lambda name: name == "temperature")
        keep = is_temperature[self.rows]
        self.rows, self.of_row = self.rows[keep], self.of_row[keep]
        humid = np.flatnonzero(quantity.where(lambda name: name == "relative_humidity"))
        by_spot = {_spot(self.table, int(row)): int(row) for row in humid[::-1]}
        by_block = {int(self.table.block[row]): int(row) for row in humid[::-1]}
        partners = [
            by_spot.get(_spot(self.table, int(row)), by_block.get(int(self.table.block[row]), NOWHERE))
            for row in self.rows
        ]
        paired = np.array(partners, np.int32)
        self.rows, self.of_row, self.partner = (
            self.rows[paired != NOWHERE],
            self.of_row[paired != NOWHERE],
            paired[paired != NOWHERE],
        )

    def _derive(self, rows: Int32, temperature_c: Float, humidity_pct: Float) -> Float:
        assert isinstance(self.condition, Leaf)
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.condition.reads in derived.FORMULAS:
                return derived.FORMULAS[self.condition.reads](temperature_c, humidity_pct)
            found = np.full(len(rows), np.nan)
            crops = np.array([self.table.channels[row].tags.get("crop", "") for row in rows])
            for crop, formula in moisture.MOISTURE.items():
                meant = crops == crop
                found[meant] = formula(temperature_c[meant], humidity_pct[meant])
            return found


class Tree:
    """A whole condition.

    Attributes:
        subjects: What its rule's alerts are about.
        leaves: Its leaves, each bound to its rows.
        windowed: Those that look back.
        timed: Time alone can change it.
        counting: It counts states that readings change, and nothing else of it changes with time.
        comparing: What one channel says may change what holds for another of its block.
    """

    def __init__(self, bound: BoundRule, kind: SubjectKind, table: Table) -> None:
        rule = bound.rule
        parts = list(leaves(rule.condition))
        wanted = [_read_by(each, rule.select, table, bound.org_id) for each in parts]
        union = np.flatnonzero(np.logical_or.reduce(wanted)).astype(np.int32)
        self.subjects = Subjects(kind, table, union)
        self.leaves = [Bound(each, table, self.subjects, rows) for each, rows in zip(parts, wanted, strict=True)]
        self.timed = any(isinstance(each, kinds.TIMED) for each in parts)
        kinds_of_time = {type(each) for each in parts if isinstance(each, kinds.TIMED)}
        self.counting = kinds_of_time == {Count}
        self.windowed = [each for each in self.leaves if each.windows is not None]
        self.comparing = any(_compares(each) for each in parts)
        waiting = iter(self.leaves)
        self.root = _grown(rule.condition, waiting)

    def answer(self, picked: Flags, sight: Sight) -> Answer:
        """Return breached and cleared for each picked subject."""
        return self.root.answer(picked, sight)


def last_time_ms(subjects: Subjects, view: View) -> Int64:
    """Return for each subject when the newest reading of its rows was."""
    times: Int64 = np.maximum.reduceat(view.time_ms[subjects.rows], subjects.starts)
    return times


def _grown(condition: Condition, bound: Iterator[Bound]) -> Node:
    if isinstance(condition, All | AnyOf):
        return Joined([_grown(each, bound) for each in condition.conditions], isinstance(condition, All))
    if isinstance(condition, Not):
        return Negated(_grown(condition.condition, bound))
    return next(bound)


def _read_by(part: Leaf | Platform, select: Selector, table: Table, org_id: int) -> Flags:
    """Return the rows that a leaf reads: those of the rule, of which it may mean only some."""
    vitals_too = _is_about_nodes(part) or (isinstance(part, Leaf) and part.where.vitals)
    rows = meant(select, table, org_id=org_id, also_vitals=vitals_too)
    if isinstance(part, Leaf):
        rows &= meant(part.where, table, org_id=org_id, also_vitals=not part.where.vitals)
    return rows


def _is_about_nodes(part: Leaf | Platform) -> bool:
    return isinstance(part, Platform) or (isinstance(part, NoData) and part.of != "channel")


def _compares(part: Leaf | Platform) -> bool:
    return isinstance(part, kinds.COMPARING) or (isinstance(part, Leaf) and part.reads != "value")


def _spot(table: Table, row: int) -> tuple[int, str | None, int]:
    channel = table.channels[row]
    return (int(table.block[row]), channel.spot, channel.device_id if channel.spot is None else 0)
