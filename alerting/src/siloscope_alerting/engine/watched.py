"""A rule at work: its condition bound to channels, and what is remembered of its subjects."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from siloscope_alerting.columns import BoundRule, ChannelFacts, Flags, Int32
from siloscope_alerting.engine.joins import Truths
from siloscope_alerting.engine.subjects import subject_kind
from siloscope_alerting.engine.table import Table
from siloscope_alerting.engine.tree import Tree
from siloscope_alerting.life import FRESH, Key, Memory, Timing
from siloscope_contract.alerts.spans import seconds
from siloscope_contract.alerts.words import State

_NO_GAP_MS = 2**60
_AS_EVER, _STEADY, _UNDER_WAY = 0, 1, 2
"""Nothing is remembered; it fires and goes on firing as long as it breaches; anything else."""


class WatchedRule:
    """One rule.

    Attributes:
        bound: As the database has it.
        kind: What its alerts are about.
        tree: Its condition and its subjects.
        memories: By index of the subject; whoever is not in it is FRESH.
    """

    def __init__(self, bound: BoundRule, table: Table) -> None:
        self.bound = bound
        self.kind = subject_kind(bound.rule)
        self.table = table
        self.tree = Tree(bound, self.kind, table)
        self.memories: dict[int, Memory] = {}
        self._stirring = np.zeros(len(self.tree.subjects), np.int8)
        rule = bound.rule
        self._hold_ms, self._clear_hold_ms = seconds(rule.hold) * 1000, seconds(rule.clear_hold) * 1000
        self._flap_within_ms = seconds(rule.flapping.within) * 1000
        self._timings: dict[int, Timing] = {}
        self._gap_ms = np.full(len(self.tree.subjects), _NO_GAP_MS, np.int64)
        if not self.tree.timed and len(self.tree.subjects):
            allowance_ms = table.allowance_ms[self.tree.subjects.rows]
            self._gap_ms = np.maximum.reduceat(allowance_ms, self.tree.subjects.starts)

    @property
    def timed(self) -> bool:
        """Whether it is judged in every round."""
        return self.tree.timed

    def key(self, index: int) -> Key:
        """Return the key of a subject."""
        return Key(self.bound.rule_id, self.kind, int(self.tree.subjects.ids[index]))

    def rows_of(self, index: int) -> Int32:
        """Return the rows of a subject."""
        return self.tree.subjects.rows_of(index)

    def channel_of(self, index: int) -> ChannelFacts:
        """Return the first channel of a subject: its site, node and place are the subject's where it has one."""
        return self.table.channels[int(self.rows_of(index)[0])]

    def timing(self, index: int) -> Timing:
        """Return what the state machine needs.

        The longest gap is the allowance of the subject's slowest channel; server time, by which timed rules are judged,
        has no gaps.
        """
        gap_ms = int(self._gap_ms[index])
        if gap_ms not in self._timings:
            flapping = self.bound.rule.flapping
            self._timings[gap_ms] = Timing(
                self._hold_ms, self._clear_hold_ms, gap_ms, flapping.firings, self._flap_within_ms
            )
        return self._timings[gap_ms]

    def memory(self, index: int) -> Memory:
        """Return what is remembered of a subject."""
        return self.memories.get(index, FRESH)

    def memory_of(self, subject_id: int) -> Memory:
        """Return what is remembered of a subject, by its id."""
        index = self.tree.subjects.index(subject_id)
        return FRESH if index is None else self.memory(index)

    def remember(self, index: int, memory: Memory) -> None:
        """Remember, or forget where it is FRESH."""
        if memory == FRESH:
            self.memories.pop(index, None)
            self._stirring[index] = _AS_EVER
        else:
            self.memories[index] = memory
            steady = memory.state is State.FIRING and not memory.silenced_by
            self._stirring[index] = _STEADY if steady else _UNDER_WAY

    def inherit(self, old: "WatchedRule") -> None:
        """Take over what the leaves of the same rule knew before."""
        for mine, theirs in zip(self.tree.leaves, old.tree.leaves, strict=False):
            mine.inherit(theirs)

    def forget_harmless(self, index: int) -> None:
        """Take nothing for granted of a subject's mute channels: one of them may be what made it fire."""
        for leaf in self.tree.leaves:
            begin, end = np.searchsorted(leaf.of_row, (index, index + 1))
            leaf.harmless[begin:end] = False

    def learn_last(self, row: int, value: float | None) -> None:
        """Learn what a channel said last, where it says nothing now; None = nothing, ever."""
        for leaf in self.tree.leaves:
            leaf.learn_last(row, value)

    def stir(self, index: int) -> None:
        """Look at a subject whatever it says, until it is remembered or forgotten."""
        self._stirring[index] = _UNDER_WAY

    def settle(self, index: int) -> None:
        """Undo `stir`."""
        self.remember(index, self.memory(index))

    def worth_a_step(self, picked: Flags, breached: Truths) -> Iterator[int]:
        """Yield the subjects whose state may change by this: where all is well, nobody is looked at one by one."""
        wanted = picked & np.where(breached == 1, self._stirring != _STEADY, self._stirring != _AS_EVER)
        yield from (int(index) for index in np.flatnonzero(wanted))

    def stirring(self) -> NDArray[np.intp]:
        """Return the subjects of which something is remembered."""
        return np.flatnonzero(self._stirring)

    def touched(self, changed: Flags, blocks: Flags) -> Flags | None:
        """Return which subjects a change of these rows concerns; None for none."""
        if not self.tree.comparing:
            return self.tree.subjects.touched(changed)
        return self.tree.subjects.touched(blocks[self.table.block])
