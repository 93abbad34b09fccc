"""What channels said within a window: so many buckets of equal length for each, in a ring.

Within a bucket the order of readings does not matter, so that late ones may be added at any time; memory is bounded
whatever the interval. The price is that a window is known to a bucket's length, 1/96 of it.
"""

import numpy as np

from siloscope_alerting.columns import Flags, Float, Int32, Int64
from siloscope_alerting.engine.view import NEVER

BUCKETS = 96


class Windows:
    """A window for each of some rows.

    Args:
        size: How many rows.
        span_ms: Length of the window.
        interval_ms: The shortest that is expected; 0 = unknown. No more buckets are kept than that needs.
    """

    def __init__(self, size: int, span_ms: int, interval_ms: int) -> None:
        readings = span_ms // interval_ms + 1 if interval_ms else BUCKETS
        buckets = max(3, min(BUCKETS, readings))
        self.span_ms = span_ms
        self.width_ms = max(1, -(-span_ms // buckets))
        self.depth = buckets + 2
        shape = (size, self.depth)
        self._number = np.full(shape, NEVER, np.int64)
        self._time_ms = np.zeros(shape, np.int64)
        self._first = np.full(shape, np.nan)
        self._low = np.full(shape, np.inf)
        self._high = np.full(shape, -np.inf)
        self._good = np.zeros(shape, np.int32)
        self._bad = np.zeros(shape, np.int32)

    def add(self, slots: Int32, time_ms: Int64, value: Float) -> None:
        """Add one reading to each of these windows (each named once); NaN is a bad one.

        One that is older than the ring reaches back is left out.
        """
        number = time_ms // self.width_ms
        column = (number % self.depth).astype(np.int32)
        there = self._number[slots, column]
        takes = there <= number
        slots, column, number, value, time_ms = slots[takes], column[takes], number[takes], value[takes], time_ms[takes]
        fresh = there[takes] != number
        at, empty = (slots, column), (slots[fresh], column[fresh])
        self._number[at] = number
        for array, nothing in ((self._low, np.inf), (self._high, -np.inf), (self._first, np.nan)):
            array[empty] = nothing
        self._good[empty] = 0
        self._bad[empty] = 0
        good = ~np.isnan(value)
        earlier = good & ((time_ms < self._time_ms[at]) | (self._good[at] == 0))
        self._first[at] = np.where(earlier, value, self._first[at])
        self._time_ms[at] = np.where(earlier, time_ms, self._time_ms[at])
        self._low[at] = np.fmin(self._low[at], value)
        self._high[at] = np.fmax(self._high[at], value)
        self._good[at] += good
        self._bad[at] += ~good

    def fill(self, slot: int, time_ms: Int64, value: Float) -> None:
        """Put a series, oldest first, in place of what one window holds of the same buckets."""
        number = time_ms // self.width_ms
        for bucket in np.unique(number)[-self.depth :]:
            some = slice(*np.searchsorted(number, (bucket, bucket + 1)))
            good = ~np.isnan(value[some])
            at = (slot, int(bucket % self.depth))
            if self._number[at] > bucket:
                continue
            self._number[at] = bucket
            self._good[at], self._bad[at] = good.sum(), (~good).sum()
            self._low[at], self._high[at] = np.inf, -np.inf
            if good.any():
                kept = value[some][good]
                self._low[at], self._high[at], self._first[at] = kept.min(), kept.max(), kept[0]
                self._time_ms[at] = time_ms[some][good][0]

    def take_over(self, slots: Int32, other: "Windows", theirs: Int32) -> bool:
        """Copy windows of another, where it has as many buckets of the same length; return whether it has."""
        if (other.depth, other.width_ms) != (self.depth, self.width_ms):
            return False
        for name in ("_number", "_time_ms", "_first", "_low", "_high", "_good", "_bad"):
            getattr(self, name)[slots] = getattr(other, name)[theirs]
        return True

    def within(self, slots: Int32, at_ms: Int64) -> "Within":
        """Return what these windows hold that end at these times."""
        number = self._number[slots]
        last = (at_ms // self.width_ms)[:, None]
        first = ((at_ms - self.span_ms) // self.width_ms)[:, None]
        return Within(self, slots, at_ms, (number >= first) & (number <= last))


class Within:
    """One window each for some rows, ending at a time each."""

    def __init__(self, windows: Windows, slots: Int32, at_ms: Int64, inside: Flags) -> None:
        self._windows, self._slots, self._at_ms = windows, slots, at_ms
        self._good_inside = inside & (windows._good[slots] > 0)
        self._inside = inside

    def good(self) -> Int64:
        """Return how many good readings there are."""
        return _summed(self._inside, self._windows._good[self._slots])

    def bad(self) -> Int64:
        """Return how many bad readings there are."""
        return _summed(self._inside, self._windows._bad[self._slots])

    def low(self) -> Float:
        """Return the lowest value; infinite where there is none."""
        low: Float = np.where(self._good_inside, self._windows._low[self._slots], np.inf).min(axis=1)
        return low

    def high(self) -> Float:
        """Return the highest value; minus infinite where there is none."""
        high: Float = np.where(self._good_inside, self._windows._high[self._slots], -np.inf).max(axis=1)
        return high

    def begin(self) -> tuple[Int64, Float]:
        """Return time and value of the first good reading; a time beyond all where there is none."""
        beyond = np.iinfo(np.int64).max
        times = np.where(self._good_inside, self._windows._time_ms[self._slots], beyond)
        column = times.argmin(axis=1)
        each = np.arange(len(self._slots))
        return times[each, column], np.where(
            times[each, column] == beyond, np.nan, self._windows._first[self._slots, column]
        )

    def covered(self, gap_ms: Int64, share: float = 1.0) -> Flags:
        """Return where the first good reading is as old as (a share of) the window, but for a gap or a bucket."""
        time_ms, _ = self.begin()
        slack_ms = np.maximum(gap_ms, 2 * self._windows.width_ms)
        wanted_ms = np.int64(self._windows.span_ms * share)
        begun = time_ms != np.iinfo(np.int64).max
        reaches: Flags = np.where(begun, time_ms, 0) <= self._at_ms - wanted_ms + slack_ms
        covered: Flags = begun & reaches
        return covered

    def points(self, index: int) -> tuple[Int64, Float]:
        """Return the first good reading of each bucket of one window, oldest first."""
        row, inside = self._slots[index], self._good_inside[index]
        times, values = self._windows._time_ms[row][inside], self._windows._first[row][inside]
        order = np.argsort(times)
        return times[order], values[order]

    def extremes(self, index: int, until_ms: int) -> Float:
        """Return lowest and highest value of each bucket of one window that ends before a time."""
        row = self._slots[index]
        ends_ms = (self._windows._number[row] + 1) * self._windows.width_ms
        inside = self._good_inside[index] & (ends_ms <= until_ms)
        return np.concatenate([self._windows._low[row][inside], self._windows._high[row][inside]])


def _summed(inside: Flags, counts: Int32) -> Int64:
    found: Int64 = np.where(inside, counts, 0).sum(axis=1, dtype=np.int64)
    return found
