"""From what the store says has changed to readings: what is new, what lay between, what is late.

A group's newest row tells one reading a channel. What lay between it and the one before is read from the samples, where
the interval says that there must have been something; a hole that stays is looked at again as long as a sample of it
would be in time. Late samples come by their marks alone, when their node's backlog pauses.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from siloscope_alerting.columns import Catalogue, Flags, Float, Int32, Int64, Readings
from siloscope_alerting.watch import decoding
from siloscope_alerting.watch.catalogue import MOST_POSITIONS, keys_of
from siloscope_alerting.watch.history import Table
from siloscope_store.alert_feed import ChangedGroup

BETWEEN = 1.5
"""Two samples further apart than so many intervals had others between them, or a gap."""


@dataclass(frozen=True)
class Newest:
    """The newest readings of changed groups; `strange` = some are of channels that the catalogue lacks."""

    row: Int32
    time_ms: Int64
    value: Float
    quality: NDArray[np.int16]
    arrived_ms: Int64
    strange: bool


@dataclass
class Hole:
    """A span of a group that may yet fill in time; `seen` are the times that were told of it."""

    begin_ms: int
    end_ms: int
    until_ms: int
    seen: set[int]


class Feed:
    """Knows which readings were told.

    Args:
        catalogue: What rows mean.
        before: The feed of the catalogue before, where there was one.
        told_to_ms: Up to which event time readings were told before this evaluator began, as far as one can know.
    """

    def __init__(self, catalogue: Catalogue, before: "Feed | None" = None, told_to_ms: int | None = None) -> None:
        channels = catalogue.channels
        self._keys = keys_of(channels)
        count = len(channels)
        self.allowance_ms = np.fromiter((round(each.allowance_s * 1000) for each in channels), np.int64, count)
        interval_s = np.fromiter((each.interval_s or np.nan for each in channels), np.float64, count)
        self._marked_ms = np.where(np.isnan(interval_s), 60_000.0, np.maximum(interval_s * 2_000, 60_000.0))
        self._between_ms = np.nan_to_num(interval_s * BETWEEN * 1000, nan=0.0)
        self.groups = self._keys // MOST_POSITIONS
        self.watched = np.ones(count, np.bool_)
        """Rows of which every reading counts; of the others the newest will do."""
        self.rows_of: dict[int, Int32] = _by_group(self.groups)
        self.newest_ms = np.full(count, decoding.NEVER_MS, np.int64)
        self.arrived_ms: dict[int, int] = {} if before is None else before.arrived_ms
        self.holes: dict[int, Hole] = {} if before is None else before.holes
        self._strange = np.zeros(0, np.int64)
        self._ignored: Int64 = np.zeros(0, np.int64) if before is None else before._ignored
        self._told_to_ms: int | None = told_to_ms if before is None else before._told_to_ms
        if before is not None and before._keys.size:
            at = np.searchsorted(before._keys, self._keys)
            same = (at < before._keys.size) & (before._keys[np.minimum(at, before._keys.size - 1)] == self._keys)
            self.newest_ms[same] = before.newest_ms[at[same]]

    def newest(self, groups: Sequence[ChangedGroup]) -> Newest:
        """Return the newest readings of groups as columns."""
        times = [each.times for each in groups]
        counts = decoding.lengths(times)
        group_ids = np.fromiter((each.group_id for each in groups), np.int64, len(groups))
        arrived_ms = np.repeat(np.fromiter((each.arrived_ms for each in groups), np.int64, len(groups)), counts)
        self.arrived_ms |= {each.group_id: each.arrived_ms for each in groups}
        starts = np.cumsum(counts) - counts
        position = np.arange(int(counts.sum())) - np.repeat(starts, counts)
        key = np.repeat(group_ids, counts) * MOST_POSITIONS + position
        time_ms = decoding.times_ms(times)
        value = decoding.padded_values([each.values for each in groups], counts)
        quality = decoding.qualities([each.quality for each in groups], counts)
        at = np.searchsorted(self._keys, key)
        known = at < self._keys.size
        known[known] = self._keys[at[known]] == key[known]
        there = known & (time_ms != decoding.NEVER_MS)
        self._strange = np.setdiff1d(key[~known & (time_ms != decoding.NEVER_MS)], self._ignored)
        strange = self._strange.size > 0
        row = at[there].astype(np.int32)
        return Newest(row, time_ms[there], value[there], quality[there], arrived_ms[there], strange)

    def ignore_strange(self) -> None:
        """Take channels that the catalogue does not have for retired ones."""
        self._ignored = np.union1d(self._ignored, self._strange)

    def take(self, newest: Newest) -> tuple[Readings, Mapping[int, tuple[int, int]]]:
        """Take news; return the readings that are new, and the spans of groups that lay between.

        A reading that is late is left out where its mark will bring it.
        """
        before_ms = self.newest_ms[newest.row]
        late = newest.arrived_ms - newest.time_ms > self.allowance_ms[newest.row]
        marked = newest.arrived_ms - newest.time_ms > self._marked_ms[newest.row]
        new = newest.time_ms > before_ms
        spans = self._spans(newest, before_ms, new & ~late)
        self.newest_ms[newest.row[new]] = newest.time_ms[new]
        told = new & ~(late & marked)
        return Readings(
            newest.row[told], newest.time_ms[told], newest.value[told], newest.quality[told], late[told]
        ), spans

    def _spans(self, newest: Newest, before_ms: Int64, wanted: Flags) -> dict[int, tuple[int, int]]:
        """Return what may lie between two readings, no further back than what comes now would be in time."""
        begin_ms = np.maximum(before_ms, newest.arrived_ms - self.allowance_ms[newest.row])
        if self._told_to_ms is not None:
            begin_ms = np.where(before_ms == decoding.NEVER_MS, np.maximum(begin_ms, self._told_to_ms), begin_ms)
            first = np.zeros_like(wanted)
        else:
            first = before_ms == decoding.NEVER_MS
        apart = newest.time_ms - begin_ms > np.maximum(self._between_ms[newest.row], 1)
        at = np.flatnonzero(wanted & apart & ~first & self.watched[newest.row])
        spans: dict[int, tuple[int, int]] = {}
        for group, begin, end in zip(
            self.groups[newest.row[at]].tolist(), begin_ms[at].tolist(), newest.time_ms[at].tolist(), strict=True
        ):
            known = spans.get(group, (begin + 1, end))
            spans[group] = (min(known[0], begin + 1), max(known[1], end))
        return spans

    def due_holes(self, now_ms: int, changed: Iterable[int]) -> dict[int, tuple[int, int]]:
        """Return spans that may have filled, of groups of which something is new; what is too old is forgotten."""
        for group in [group for group, hole in self.holes.items() if now_ms > hole.until_ms]:
            del self.holes[group]
        return {
            group: (self.holes[group].begin_ms, self.holes[group].end_ms) for group in changed if group in self.holes
        }

    def between(self, group: int, table: Table, span: tuple[int, int], now_ms: int) -> Readings:
        """Return readings that lay between two that were told, and remember what is missing there."""
        hole = self.holes.get(group)
        seen = hole.seen if hole is not None and hole.begin_ms <= span[0] else set[int]()
        fresh = np.fromiter((each not in seen for each in table.times_ms.tolist()), np.bool_, table.times_ms.size)
        rows = self.rows_of.get(group, np.zeros(0, np.int32))
        allowance_ms = int(self.allowance_ms[rows].max(initial=60_000))
        bounds = np.concatenate([[span[0] - 1], table.times_ms, [span[1]]])
        between_ms = float(self._between_ms[rows].max(initial=0))
        if between_ms and (np.diff(bounds) > between_ms).any():
            until_ms = span[1] + allowance_ms
            if now_ms <= until_ms:
                self.holes[group] = Hole(*span, until_ms, seen | set(table.times_ms.tolist()))
        else:
            self.holes.pop(group, None)
        return self.of_table(group, Table(table.times_ms[fresh], table.values[fresh], table.quality[fresh]))

    def of_table(self, group: int, table: Table, late_at_ms: int | None = None) -> Readings:
        """Return the readings of a group's samples; with `late_at_ms` those alone that came late then."""
        parts = []
        for row in self.rows_of.get(group, np.zeros(0, np.int32)).tolist():
            times_ms, values, quality = table.column(int(self._keys[row]) % MOST_POSITIONS)
            if late_at_ms is not None:
                wanted = late_at_ms - times_ms > self.allowance_ms[row]
                times_ms, values, quality = times_ms[wanted], values[wanted], quality[wanted]
            late = np.full(times_ms.size, late_at_ms is not None)
            parts.append(Readings(np.full(times_ms.size, row, np.int32), times_ms, values, quality, late))
        return joined(parts)


def joined(parts: Sequence[Readings]) -> Readings:
    """Return readings together, ordered by channel and time."""
    if not parts:
        return Readings(
            np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int16), np.zeros(0, np.bool_)
        )
    row = np.concatenate([each.row for each in parts])
    time_ms = np.concatenate([each.time_ms for each in parts])
    order = np.lexsort((time_ms, row))
    return Readings(
        row[order],
        time_ms[order],
        np.concatenate([each.value for each in parts])[order],
        np.concatenate([each.quality for each in parts])[order],
        np.concatenate([each.late for each in parts])[order],
    )


def _by_group(groups: Int64) -> dict[int, Int32]:
    """Return the rows of each group; the catalogue is ordered by group."""
    ids, starts = np.unique(groups, return_index=True)
    rows = np.arange(groups.size, dtype=np.int32)
    return dict(zip(ids.tolist(), np.split(rows, starts[1:]), strict=False)) if groups.size else {}
