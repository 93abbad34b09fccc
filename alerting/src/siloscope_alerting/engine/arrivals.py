"""New readings sorted by what may be done with them: in time, late, or not yet."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from siloscope_alerting.columns import Int64, Readings


def none() -> Readings:
    """Return no readings."""
    return Readings(
        np.empty(0, np.int32),
        np.empty(0, np.int64),
        np.empty(0, np.float64),
        np.empty(0, np.int16),
        np.empty(0, np.bool_),
    )


def picked(readings: Readings, which: "NDArray[np.bool_] | NDArray[np.intp]") -> Readings:
    """Return some of these readings."""
    return Readings(
        readings.row[which],
        readings.time_ms[which],
        readings.value[which],
        readings.quality[which],
        readings.late[which],
    )


def together(first: Readings, second: Readings) -> Readings:
    """Return both."""
    if not len(second.row):
        return first
    if not len(first.row):
        return second
    pairs = zip(_columns(first), _columns(second), strict=True)
    return Readings(*(np.concatenate(pair) for pair in pairs))


def waves(readings: Readings) -> Iterator[Readings]:
    """Yield the oldest reading of each channel, then the next of each that has one, and so on."""
    if not len(readings.row):
        return
    if (readings.row[1:] > readings.row[:-1]).all():
        yield readings
        return
    order = np.lexsort((readings.time_ms, readings.row))
    rows = readings.row[order]
    first = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    if len(first) == len(rows):
        yield readings
        return
    turn = np.arange(len(rows)) - np.repeat(first, np.diff(np.r_[first, len(rows)]))
    by_turn = np.argsort(turn, kind="stable")
    bounds = np.searchsorted(turn[by_turn], np.arange(int(turn.max()) + 2))
    for begin, end in pairwise(bounds):
        yield picked(readings, order[by_turn[begin:end]])


@dataclass(frozen=True)
class Sorted:
    """The readings of a round.

    Attributes:
        in_time: They may open, clear and resolve.
        late: They may fill gaps and tell of the past.
        future: Their time has not come; they wait for it.
    """

    in_time: Readings
    late: Readings
    future: Readings


def sort(readings: Readings, taken_ms: Int64, now_ms: int | None) -> Sorted:
    """Sort what came: behind its channel's newest in-time reading it is late, and the same time again is nothing."""
    future = np.zeros(len(readings.row), np.bool_) if now_ms is None else readings.time_ms > now_ms
    newest_ms = taken_ms[readings.row]
    late = ~future & (readings.late | (readings.time_ms < newest_ms))
    in_time = ~future & ~late & (readings.time_ms > newest_ms)
    return Sorted(picked(readings, in_time), picked(readings, late), picked(readings, future))


def _columns(readings: Readings) -> "tuple[NDArray[np.generic], ...]":
    return (readings.row, readings.time_ms, readings.value, readings.quality, readings.late)
