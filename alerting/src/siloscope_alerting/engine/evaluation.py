"""The engine: what is new and what is due, against all rules. It knows no clock, no database and no network."""

from collections.abc import Mapping, Sequence

import numpy as np

from siloscope_alerting.columns import BoundRule, Catalogue, Flags, Float, Int32, Int64, Judgement, Outcome, Readings
from siloscope_alerting.engine import arrivals
from siloscope_alerting.engine.gates import Inhibition, in_order
from siloscope_alerting.engine.recalling import Recalling
from siloscope_alerting.engine.retrospect import Retrospection
from siloscope_alerting.engine.stepping import Book, Stepping
from siloscope_alerting.engine.table import Table, table_of
from siloscope_alerting.engine.tree import Sight
from siloscope_alerting.engine.turn import Turn
from siloscope_alerting.engine.view import NEVER, View
from siloscope_alerting.engine.watched import WatchedRule
from siloscope_alerting.life import Key, Memory

_SLACK_MS = 60_000
"""A clock may be ahead by the least allowance before its readings have to wait."""


class Engine:
    """Evaluates rules; whatever decides is in the memories, all else is filled anew from stored samples."""

    def __init__(self) -> None:
        self._catalogue = Catalogue(())
        self._table = Table(self._catalogue)
        self._view = View.empty(0)
        self._taken_ms: Int64 = np.empty(0, np.int64)
        self._rules: list[WatchedRule] = []
        self._unjudged: set[int] = set()
        self._retrospections: dict[int, Retrospection] = {}
        self._stepping = Stepping(Inhibition({}), self._retrospections)
        self._recalling = Recalling(self._table, [])
        self._future = arrivals.none()

    def arrange(self, catalogue: Catalogue, rules: Sequence[BoundRule], memories: Mapping[Key, Memory]) -> Outcome:
        """Take channels and rules anew; what that ends is the outcome.

        A subject that a changed rule no longer has ends as `rule_changed`, one that an unchanged rule no longer meets
        as `out_of_scope`; episodes of a rule whose levels changed go on, and its next reading decides.
        """
        before = {each.bound.rule_id: each for each in self._rules}
        if catalogue is not self._catalogue:
            table = table_of(catalogue)
            self._carry(table)
            self._catalogue, self._table = catalogue, table
        table = self._table
        self._rules = in_order(WatchedRule(each, table) for each in rules)
        for each in self._rules:
            if each.bound.rule_id in before:
                each.inherit(before[each.bound.rule_id])
        self._unjudged = {each.bound.rule_id for each in self._rules}
        by_slug = {(each.bound.org_id, each.bound.rule.rule): each for each in self._rules}
        self._stepping = Stepping(Inhibition(by_slug), self._retrospections)
        self._recalling = Recalling(table, self._rules)
        book = Book()
        by_id = {each.bound.rule_id: each for each in self._rules}
        for key in sorted(memories):
            watched, old = by_id.get(key.rule_id), before.get(key.rule_id)
            index = self._stepping.adopt(key, memories[key], watched, old, book)
            if watched is not None and index is not None and old is None:
                self._recalling.doubt(watched, index)
        return book.outcome()

    def take_known(self, newest: Readings) -> None:
        """Take the newest reading of channels as known; a late one says only that its channel was heard."""
        np.maximum.at(self._view.heard_ms, newest.row, newest.time_ms)
        for wave in arrivals.waves(arrivals.picked(newest, ~newest.late)):
            newer = wave.time_ms > self._view.time_ms[wave.row]
            found = arrivals.picked(wave, newer)
            self._view.take(found.row, found.time_ms, found.value, found.quality)

    def wanted_history(self) -> Mapping[int, int]:
        """Return, per row, how many milliseconds back from now are wanted; what was told once is not told again."""
        return self._recalling.wanted()

    def recall(self, history: Mapping[int, tuple[Int64, Float]]) -> None:
        """Fill windows, and in the next round gaps of holds."""
        self._recalling.take(history)

    def round(self, readings: Readings, judgement: Judgement) -> Outcome:
        """Evaluate what is new and what is due."""
        book = Book()
        self._recalling.begin(judgement.absent_to_ms)
        newly_absent = self._note_absence(judgement)
        sight = Sight(self._view, judgement, self._in_state)
        turn = Turn(self._table, self._rules, self._stepping.begin(judgement, book), sight)
        now_ms = None if judgement.now_ms is None else judgement.now_ms + _SLACK_MS
        came = arrivals.sort(arrivals.together(self._future, readings), self._taken_ms, now_ms)
        self._future = came.future
        for number, wave in enumerate(arrivals.waves(came.in_time)):
            if number:
                turn.count()
            self._view.take(wave.row, wave.time_ms, wave.value, wave.quality)
            self._taken_ms[wave.row] = wave.time_ms
            turn.take(wave.row)
        turn.judge_whole(self._unjudged)
        self._unjudged = set()
        turn.end(newly_absent)
        if len(came.late.row):
            np.maximum.at(self._view.heard_ms, came.late.row, came.late.time_ms)
        turn.look_back(came.late, self._recalling.gaps())
        for watched in self._rules:
            self._recalling.want_gaps(watched, judgement.absent_to_ms)
        book.subjects = sum(len(watched.tree.subjects) for watched in self._rules)
        return book.outcome()

    def _note_absence(self, judgement: Judgement) -> Flags:
        """Say which channels no longer count; return those of which that is new."""
        table, view = self._table, self._view
        overdue = (table.quiet_ms > 0) & (judgement.absent_to_ms - view.time_ms > table.quiet_ms)
        for silent, ids in ((judgement.silent_nodes, table.node_id), (judgement.silent_sites, table.site_id)):
            if silent:
                overdue |= np.isin(ids, np.fromiter(silent, np.int32, len(silent)))
        newly: Flags = overdue & ~view.absent
        view.absent = overdue
        return newly

    def _in_state(self, slug: str | None, state: str, rows: Int32) -> tuple[Flags, Flags]:
        """Return which of some rows have an alert of a rule, or of any, in a state, and which had when last seen."""
        found, before = np.zeros(len(self._table), np.bool_), np.zeros(len(self._table), np.bool_)
        for watched in self._rules:
            if watched.memories and (slug is None or watched.bound.rule.rule == slug):
                for index, memory in watched.memories.items():
                    if memory.state == state:
                        found[watched.rows_of(index)] = True
                    elif memory.behind == state:
                        before[watched.rows_of(index)] = True
        return found[rows], before[rows]

    def _carry(self, table: Table) -> None:
        """Keep what is known of channels that stay."""
        view, taken_ms = View.empty(len(table)), np.full(len(table), NEVER, np.int64)
        old = self._table.row_of
        pairs = [(row, old[channel_id]) for channel_id, row in table.row_of.items() if channel_id in old]
        if pairs:
            new_rows, old_rows = (np.array(each, np.int32) for each in zip(*pairs, strict=True))
            for name in ("time_ms", "value", "quality", "heard_ms", "absent"):
                getattr(view, name)[new_rows] = getattr(self._view, name)[old_rows]
            taken_ms[new_rows] = self._taken_ms[old_rows]
            waiting = np.full(len(self._table), -1, np.int32)
            waiting[old_rows] = new_rows
            row = waiting[self._future.row]
            kept = arrivals.picked(self._future, row >= 0)
            self._future = Readings(row[row >= 0], kept.time_ms, kept.value, kept.quality, kept.late)
        else:
            self._future = arrivals.none()
        self._view, self._taken_ms = view, taken_ms
