"""What the engine wants to read of the past: windows that are empty, and gaps in holds that are nearly over."""

from collections.abc import Mapping, Sequence

import numpy as np

from siloscope_alerting.columns import Float, Int64, Readings
from siloscope_alerting.engine import arrivals
from siloscope_alerting.engine.conditions.kinds import window_ms
from siloscope_alerting.engine.table import Table
from siloscope_alerting.engine.watched import WatchedRule
from siloscope_alerting.life import Memory
from siloscope_contract.alerts.words import State
from siloscope_contract.quality import Quality

_DOUBT_REACHES_MS = 2 * 86_400_000
"""What a channel said before that is not asked for."""


class Recalling:
    """Wishes, and what came of them.

    Args:
        rules: Whose windows are empty.
    """

    def __init__(self, table: Table, rules: Sequence[WatchedRule]) -> None:
        self._table = table
        self._leaves = [leaf for watched in rules for leaf in watched.tree.windowed]
        self._windows: dict[int, int] = {}
        self._gaps: dict[int, int] = {}
        self._filled: list[tuple[int, Int64, Float]] = []
        self._asked: set[tuple[int, int, int]] = set()
        self._awaited_windows: set[int] = set()
        self._awaited_gaps: set[int] = set()
        self._doubts: dict[int, list[WatchedRule]] = {}
        self._awaited_doubts: dict[int, list[WatchedRule]] = {}
        self._now_ms = 0
        for leaf in self._leaves:
            for row in leaf.unfilled():
                self._windows[int(row)] = max(self._windows.get(int(row), 0), window_ms(leaf.condition))

    def doubt(self, watched: WatchedRule, index: int) -> None:
        """Ask what the channels of an open subject said last: one that is mute may be what made it fire."""
        rows = watched.rows_of(index)
        for row in rows if len(rows) > 1 else ():
            self._doubts.setdefault(int(row), []).append(watched)

    def begin(self, now_ms: int) -> None:
        """Note server time, that wishes reach back from; a channel of which nothing was found never said anything."""
        self._now_ms = now_ms
        for row, rules in self._awaited_doubts.items():
            for watched in rules:
                watched.learn_last(row, None)
        self._awaited_doubts = {}

    def wanted(self) -> Mapping[int, int]:
        """Return how far back each row is wanted, once."""
        wanted = dict(self._windows)
        for row, from_ms in self._gaps.items():
            wanted[row] = max(wanted.get(row, 0), self._now_ms - from_ms)
        for row in self._doubts:
            wanted[row] = max(wanted.get(row, 0), _DOUBT_REACHES_MS)
        self._awaited_doubts, self._doubts = self._doubts, {}
        self._awaited_windows |= set(self._windows)
        self._awaited_gaps |= set(self._gaps)
        self._windows, self._gaps = {}, {}
        return wanted

    def take(self, history: Mapping[int, tuple[Int64, Float]]) -> None:
        """Fill windows with what was asked for, and keep what may fill gaps."""
        for leaf in self._leaves:
            leaf.recall({row: series for row, series in history.items() if row in self._awaited_windows})
        for row, (_, values) in history.items():
            known = values[~np.isnan(values)]
            for watched in self._awaited_doubts.pop(row, []) if len(known) else []:
                watched.learn_last(row, float(known[-1]))
        self._filled += [(row, *series) for row, series in history.items() if row in self._awaited_gaps]
        self._awaited_windows -= set(history)
        self._awaited_gaps -= set(history)

    def gaps(self) -> Readings:
        """Return what may fill gaps, as late readings, once."""
        found, self._filled = self._filled, []
        if not found:
            return arrivals.none()
        value = np.concatenate([values for _, _, values in found])
        quality = np.where(np.isnan(value), int(Quality.BAD), int(Quality.GOOD)).astype(np.int16)
        return Readings(
            np.concatenate([np.full(len(times), row, np.int32) for row, times, _ in found]),
            np.concatenate([times for _, times, _ in found]),
            value,
            quality,
            np.ones(len(value), np.bool_),
        )

    def want_gaps(self, watched: WatchedRule, now_ms: int) -> None:
        """Ask once for what may fill the gap of a hold that would be over without it."""
        if watched.timed or not watched.memories:
            return
        for index, memory in watched.memories.items():
            begin_ms = _hold_with_gap(memory)
            if begin_ms is None or now_ms - begin_ms < watched.timing(index).hold_ms:
                continue
            wish = (watched.bound.rule_id, index, begin_ms)
            if wish not in self._asked:
                self._asked.add(wish)
                self._gaps.update({int(row): begin_ms for row in watched.rows_of(index)})


def _hold_with_gap(memory: Memory) -> int | None:
    pending = State.PENDING in (memory.state, memory.behind)
    return memory.stretches[0][0] if pending and memory.stretches else None
