"""From what the store says has changed to readings: what is new, what came with it, what is late.

A group's newest row tells one reading a channel, and how much came since the look before. Where that was more than the
newest, everything else that was committed since then is read from the samples: the others of a pack, what came faster
than one looks, what was overtaken by a newer one. Late samples come by their marks alone, when their node's backlog
pauses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from siloscope_alerting.columns import Catalogue, Flags, Float, Int32, Int64, Readings
from siloscope_alerting.watch import decoding
from siloscope_alerting.watch.backlog import BUCKET_MS
from siloscope_alerting.watch.catalogue import MOST_POSITIONS, keys_of
from siloscope_process.clock import to_ms
from siloscope_store.alert_feed import ChangedGroup
from siloscope_store.alert_history import StoredSample

_NOBODY_KNOWS = -1
_CATCHES_UP_INTERVALS = 100
_CATCHES_UP_MS = 3_600_000
_CATCHES_UP_WITHOUT_INTERVAL_MS = 600_000
"""So far back from what came last an evaluator reads that was away, or that a slow ingest kept waiting."""


@dataclass(frozen=True)
class Came:
    """Readings as the store has them; `arrived_ms` is when the newest of its group was stored."""

    row: Int32
    time_ms: Int64
    value: Float
    quality: NDArray[np.int16]
    arrived_ms: Int64

    def picked(self, which: Flags) -> "Came":
        """Return some of them."""
        return Came(
            self.row[which], self.time_ms[which], self.value[which], self.quality[which], self.arrived_ms[which]
        )

    def with_these(self, other: "Came") -> "Came":
        """Return both."""
        return Came(
            np.concatenate([self.row, other.row]),
            np.concatenate([self.time_ms, other.time_ms]),
            np.concatenate([self.value, other.value]),
            np.concatenate([self.quality, other.quality]),
            np.concatenate([self.arrived_ms, other.arrived_ms]),
        )


@dataclass(frozen=True)
class Newest:
    """The newest readings of changed groups.

    Attributes:
        came: Of all channels that the catalogue has.
        places: Of the changed groups that it has, where they stand in it.
        changes, arrived_ms: What the store says of each of those.
        strange: Some are of channels that the catalogue lacks.
    """

    came: Came
    places: NDArray[np.intp]
    changes: Int64
    arrived_ms: Int64
    strange: bool


class Feed:
    """Knows which readings were told.

    Args:
        catalogue: What rows mean.
        before: The feed of the catalogue before, where there was one.
    """

    def __init__(self, catalogue: Catalogue, before: "Feed | None" = None) -> None:
        channels = catalogue.channels
        count = len(channels)
        self._keys = keys_of(channels)
        self.allowance_ms = np.fromiter((round(each.allowance_s * 1000) for each in channels), np.int64, count)
        interval_s = np.fromiter((each.interval_s or np.nan for each in channels), np.float64, count)
        self._marked_ms = np.where(np.isnan(interval_s), 60_000.0, np.maximum(interval_s * 2_000, 60_000.0))
        self._groups, self._starts, place_of_row = np.unique(
            self._keys // MOST_POSITIONS, return_index=True, return_inverse=True
        )
        self._place_of_row = place_of_row.astype(np.intp)
        self._catches_up_ms = self._of_groups(
            np.where(
                np.isnan(interval_s),
                _CATCHES_UP_WITHOUT_INTERVAL_MS,
                np.minimum(np.nan_to_num(interval_s) * 1000 * _CATCHES_UP_INTERVALS, _CATCHES_UP_MS),
            ).astype(np.int64)
        )
        self._allowances_ms = self._of_groups(self.allowance_ms)
        self._heeded = np.ones(self._groups.size, np.bool_)
        self.newest_ms = np.full(count, decoding.NEVER_MS, np.int64)
        self._told_before_ms = self.newest_ms.copy()
        self._changes = np.full(self._groups.size, _NOBODY_KNOWS, np.int64)
        self.arrived_ms: dict[int, int] = {} if before is None else before.arrived_ms
        self._strange = np.zeros(0, np.int64)
        self._ignored: Int64 = np.zeros(0, np.int64) if before is None else before._ignored
        if before is not None and before._keys.size:
            same, at = _found(self._keys, before._keys)
            self.newest_ms[same] = before.newest_ms[at[same]]
            self._told_before_ms[same] = before._told_before_ms[at[same]]
            same, at = _found(self._groups, before._groups)
            self._changes[same] = before._changes[at[same]]

    def heed(self, rows: Flags) -> None:
        """Tell what comes of these rows, and of whatever shares their groups; of the others nothing."""
        heeded = self._of_groups(rows.astype(np.int64)) > 0
        self._changes[heeded & ~self._heeded] = _NOBODY_KNOWS
        self._heeded = heeded

    def newest(self, groups: Sequence[ChangedGroup]) -> Newest:
        """Return the newest readings of groups as columns, but of those that nobody heeds."""
        self.arrived_ms |= {each.group_id: each.arrived_ms for each in groups}
        if not self._heeded.all():
            known, places = _found(np.array([each.group_id for each in groups], np.int64), self._groups)
            wanted = ~known | self._heeded[places] if self._groups.size else ~known
            groups = [groups[at] for at in np.flatnonzero(wanted).tolist()]
        times, values = [each.times for each in groups], [each.values for each in groups]
        counts = decoding.counts_of(times, values)
        group_ids = np.fromiter((each.group_id for each in groups), np.int64, len(groups))
        arrived_ms = np.fromiter((each.arrived_ms for each in groups), np.int64, len(groups))
        changes = np.fromiter((each.changes for each in groups), np.int64, len(groups))
        key = _positions(group_ids, counts)
        time_ms = decoding.times_ms(times, counts)
        value = decoding.padded_values(values, counts)
        quality = decoding.qualities([each.quality for each in groups], counts)
        known, at = _found(key, self._keys)
        there = known & (time_ms != decoding.NEVER_MS)
        self._strange = np.setdiff1d(key[~known & (time_ms != decoding.NEVER_MS)], self._ignored)
        came = Came(
            at[there].astype(np.int32),
            time_ms[there],
            value[there],
            quality[there],
            np.repeat(arrived_ms, counts)[there],
        )
        known, places = _found(group_ids, self._groups)
        return Newest(came, places[known], changes[known], arrived_ms[known], self._strange.size > 0)

    def ignore_strange(self) -> None:
        """Take channels that the catalogue does not have for retired ones."""
        self._ignored = np.union1d(self._ignored, self._strange)

    def take(self, newest: Newest, waited_ms: int | None) -> tuple[Came, Mapping[int, tuple[int, int]]]:
        """Take news; return the newest readings that are new, and the spans of groups of which more came.

        Args:
            newest: Of the changed groups.
            waited_ms: What was stored since the look before may have come so much earlier than now; None: there was no
                look before, and what is not the newest is history.
        """
        came = newest.came
        before_ms = self.newest_ms[came.row]
        new = came.time_ms > before_ms
        rows = came.row[new]
        self._told_before_ms[rows] = before_ms[new]
        self.newest_ms[rows] = came.time_ms[new]
        known = self._changes[newest.places]
        self._changes[newest.places] = newest.changes
        if waited_ms is None:
            return came.picked(new), {}
        newer = np.zeros(self._groups.size, np.bool_)
        newer[self._place_of_row[rows]] = True
        alone = (known != _NOBODY_KNOWS) & (newest.changes - known == 1) & newer[newest.places]
        return came.picked(new), self._spans(newest.places[~alone], newest.arrived_ms[~alone], waited_ms)

    def _spans(self, places: NDArray[np.intp], arrived_ms: Int64, waited_ms: int) -> dict[int, tuple[int, int]]:
        """Return what may have come in time of some groups: up to the newest, which is told."""
        if not places.size:
            return {}
        reach_ms = self._allowances_ms[places] + np.minimum(waited_ms, self._catches_up_ms[places])
        begin_ms, end_ms = arrived_ms - reach_ms, self._of_groups(self.newest_ms)[places]
        some = end_ms > begin_ms
        spans = zip(begin_ms[some].tolist(), end_ms[some].tolist(), strict=True)
        return dict(zip(self._groups[places[some]].tolist(), spans, strict=True))

    def between(self, samples: Sequence[StoredSample]) -> Came:
        """Return the readings of samples of those spans, without what was told as the newest, now or before."""
        came = self.readings(samples, self.arrived_ms)
        told = (came.time_ms == self.newest_ms[came.row]) | (came.time_ms == self._told_before_ms[came.row])
        return came.picked(~told)

    def readings(self, samples: Sequence[StoredSample], arrived_ms: Mapping[int, int]) -> Came:
        """Return the readings of samples; those of a group arrived when that is said."""
        counts = decoding.lengths([each.values for each in samples])
        group_ids = np.fromiter((each.group_id for each in samples), np.int64, len(samples))
        times_ms = np.fromiter((each.time_ms for each in samples), np.int64, len(samples))
        arrived = np.fromiter((arrived_ms.get(each.group_id, 0) for each in samples), np.int64, len(samples))
        value = decoding.padded_values([each.values for each in samples], counts)
        quality = decoding.qualities([each.quality for each in samples], counts)
        known, at = _found(_positions(group_ids, counts), self._keys)
        there = known & (~np.isnan(value) | (quality > 0))
        return Came(
            at[there].astype(np.int32),
            np.repeat(times_ms, counts)[there],
            value[there],
            quality[there],
            np.repeat(arrived, counts)[there],
        )

    def doubtful(self, came: Came, waited_ms: int | None) -> list[int]:
        """Return the groups of which something came late by the clock, but perhaps in time to ingest: marks know."""
        over_ms = came.arrived_ms - came.time_ms - self.allowance_ms[came.row]
        doubtful = (over_ms > 0) & (over_ms <= (waited_ms or 0))
        return [int(each) for each in np.unique(self._groups[self._place_of_row[came.row[doubtful]]])]

    def told(
        self, came: Came, waited_ms: int | None = None, marked: Mapping[tuple[int, datetime], datetime] | None = None
    ) -> Readings:
        """Return what is told now of what came: what a mark will bring is left out.

        Args:
            came: New readings.
            waited_ms: As in `take`: what is late by less is late only where ingest marked it so.
            marked: The quarters of an hour that it marked of `doubtful` groups, and when.
        """
        age_ms = came.arrived_ms - came.time_ms
        over_ms = age_ms - self.allowance_ms[came.row]
        late = over_ms > 0
        doubtful = late & (over_ms <= (waited_ms or 0))
        by_mark = late & ~doubtful & (age_ms > self._marked_ms[came.row])
        if marked and doubtful.any():
            by_mark |= doubtful & self._is_marked(came, marked)
        return _readings(came.picked(~by_mark), (late & ~doubtful)[~by_mark])

    def late(self, samples: Sequence[StoredSample], arrived_ms: Mapping[int, int]) -> Readings:
        """Return what came late of samples that marks point to, by when they say that it came."""
        came = self.readings(samples, arrived_ms)
        late = came.arrived_ms - came.time_ms > self.allowance_ms[came.row]
        return _readings(came.picked(late), np.ones(int(late.sum()), np.bool_))

    def _is_marked(self, came: Came, marked: Mapping[tuple[int, datetime], datetime]) -> Flags:
        """Say which of these a mark brings as late."""
        places = {(group, to_ms(bucket) // BUCKET_MS): to_ms(at) for (group, bucket), at in marked.items()}
        keys = np.array(sorted(group * _MOST_BUCKETS + bucket for group, bucket in places), np.int64)
        stored_ms = np.array([places[divmod(int(key), _MOST_BUCKETS)] for key in keys], np.int64)
        key = self._groups[self._place_of_row[came.row]] * _MOST_BUCKETS + came.time_ms // BUCKET_MS
        found, at = _found(key, keys)
        overdue: Flags = stored_ms[at] - came.time_ms > self.allowance_ms[came.row]
        return found & overdue

    def _of_groups(self, of_rows: Int64) -> Int64:
        """Return the greatest of each group's rows; a group's rows follow each other."""
        if not of_rows.size:
            return of_rows
        found: Int64 = np.maximum.reduceat(of_rows, self._starts)
        return found


_MOST_BUCKETS = 1 << 31


def _readings(came: Came, late: Flags) -> Readings:
    if (came.row[1:] > came.row[:-1]).all():
        return Readings(came.row, came.time_ms, came.value, came.quality, late)
    order = np.lexsort((came.time_ms, came.row))
    return Readings(came.row[order], came.time_ms[order], came.value[order], came.quality[order], late[order])


def _positions(group_ids: Int64, counts: Int64) -> Int64:
    """Return the key of each element of arrays of so many elements."""
    starts = np.cumsum(counts) - counts
    position = np.arange(int(counts.sum())) - np.repeat(starts, counts)
    return np.repeat(group_ids, counts) * MOST_POSITIONS + position


def _found(wanted: Int64, among: Int64) -> tuple[Flags, NDArray[np.intp]]:
    """Return which of these are among ascending ones, and where."""
    if not among.size:
        return np.zeros(wanted.size, np.bool_), np.zeros(wanted.size, np.intp)
    at = np.minimum(np.searchsorted(among, wanted), among.size - 1)
    return among[at] == wanted, at
