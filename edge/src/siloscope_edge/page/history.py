"""The last 24 hours of each channel: least, mean and greatest value of equal steps of time. Bounded memory, no I/O.

Steps count on the clock of the boot, so that a wall clock that is wrong, or steps, moves nothing. The more channels
share the memory, the longer the step; where even an hour does not fit, there is no history, and whoever asks is told.
"""

import math
from array import array
from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

from siloscope_contract.packs import Sample
from siloscope_contract.quality import FIRST_BAD

DAY_S = 86_400
STEPS_S = (60, 120, 300, 600, 900, 1800, 3600)
GOOD, UNCERTAIN, BAD = 1, 2, 4
_SLOT_BYTES = 3 * 4 + 1
_SPARE = 0.8
"""Share of the memory that the first devices may fill: a configuration that grows finds some left."""
_NEVER = -(1 << 62)


def step_for(channels: int, most_bytes: int) -> int | None:
    """Return the shortest step at which a day of so many channels fits; None where none does.

    >>> step_for(200, 6 * 1024**2), step_for(10_000, 6 * 1024**2), step_for(100_000, 6 * 1024**2)
    (60, 3600, None)
    """
    for step_s in STEPS_S:
        if channels * _slots(step_s) * _SLOT_BYTES <= most_bytes * _SPARE:
            return step_s
    return None


def bytes_of(channels: int, step_s: int) -> int:
    """Return what a day of so many channels takes."""
    return channels * _slots(step_s) * _SLOT_BYTES


class Row(NamedTuple):
    """What a device's channels were in one step.

    Attributes:
        least: By channel; means nothing where ``flags`` says neither good nor uncertain.
        mean: By channel.
        greatest: By channel.
        flags: By channel, which readings there were: ``GOOD``, ``UNCERTAIN``, ``BAD``.
    """

    least: Sequence[float]
    mean: Sequence[float]
    greatest: Sequence[float]
    flags: Sequence[int]


class _Step(NamedTuple):
    """One channel in one step."""

    least: float
    mean: float
    greatest: float
    flags: int


class Curve(NamedTuple):
    """One channel over a stretch of steps, oldest first; None where there was no value."""

    least: list[float | None]
    mean: list[float | None]
    greatest: list[float | None]
    flags: list[int]

    def append(self, step: _Step) -> None:
        """Add the next one."""
        has_value = step.flags & (GOOD | UNCERTAIN)
        self.least.append(step.least if has_value else None)
        self.mean.append(step.mean if has_value else None)
        self.greatest.append(step.greatest if has_value else None)
        self.flags.append(step.flags)


def placed(sample: Sample, keys: Sequence[str]) -> tuple[list[float | None], list[int | None]]:
    """Return values and qualities of these channels; None and None where the sample lacks one."""
    found = {name: at for at, name in enumerate(sample.names)}
    places = [found.get(key) for key in keys]
    return (
        [sample.values[at] if at is not None else None for at in places],
        [sample.quality[at] if at is not None else None for at in places],
    )


class Tally:
    """The step that is being filled.

    Args:
        channels: How many.
        circular: Positions of those that wrap around at 360.
    """

    def __init__(self, channels: int, circular: Sequence[int] = ()) -> None:
        self._count = channels
        self._circular = circular
        self._all_good = False
        self._clear()

    def add(self, values: Sequence[float | None], quality: Sequence[int | None]) -> None:
        """Add a reading of each channel; one without a quality was not read."""
        least, greatest, total, counts, flags = self._least, self._greatest, self._total, self._counts, self._flags
        isfinite = math.isfinite
        for at, value in enumerate(values):
            if value is None or not isfinite(value):
                continue
            if value < least[at]:
                least[at] = value
            if value > greatest[at]:
                greatest[at] = value
            total[at] += value
            counts[at] += 1
        for at in self._circular:
            value = values[at]
            if value is not None and isfinite(value):
                self._east[at] += math.sin(math.radians(value))
                self._north[at] += math.cos(math.radians(value))
        if not any(quality):
            self._all_good = self._all_good or None not in quality
            if self._all_good:
                return
        for at, code in enumerate(quality):
            if code is not None:
                flags[at] |= GOOD if not code else UNCERTAIN if code < FIRST_BAD else BAD

    def row(self) -> Row:
        """Return what came."""
        mean = [total / count if count else 0.0 for total, count in zip(self._total, self._counts, strict=True)]
        for at in self._circular:
            if self._counts[at]:
                mean[at] = _angle(self._east[at], self._north[at])
        also = GOOD if self._all_good else 0
        flags = [
            each | also if count else each & BAD  # a number that is none is no value
            for each, count in zip(self._flags, self._counts, strict=True)
        ]
        return Row(self._least, mean, self._greatest, flags)

    def take(self) -> Row:
        """Return what came, and begin anew."""
        row = self.row()
        self._clear()
        return row

    def _clear(self) -> None:
        count = self._count
        self._least, self._greatest = [math.inf] * count, [-math.inf] * count
        self._total, self._counts, self._flags = [0.0] * count, [0] * count, [0] * count
        self._east = dict.fromkeys(self._circular, 0.0)
        self._north = dict.fromkeys(self._circular, 0.0)
        self._all_good = False


class DeviceHistory:
    """A day of one device.

    Args:
        channels: How many it has.
        step_s: Of time.
        circular: Positions of the channels that wrap around.
    """

    def __init__(self, channels: int, step_s: int, circular: Sequence[int] = ()) -> None:
        self.step_s = step_s
        self.circular = circular
        self.channels = channels
        self._step_ms = step_s * 1000
        self._slots = _slots(step_s)
        size = channels * self._slots
        self._least, self._mean, self._greatest = (array("f", bytes(4 * size)) for _ in range(3))
        self._flags = bytearray(size)
        self._numbers = array("q", [_NEVER]) * self._slots
        self._tally = Tally(channels, circular)
        self._open: int | None = None
        self.first: int | None = None
        """The step in which it began to be told what is read."""

    def number_of(self, time_ms: int) -> int:
        """Return the number of the step that an instant since the boot is in."""
        return time_ms // self._step_ms

    def add(self, time_ms: int, values: Sequence[float | None], quality: Sequence[int | None]) -> None:
        """Add what was just read of each channel; one without a quality was not."""
        number = time_ms // self._step_ms
        if number != self._open:
            self._close()
            self._open = number
            if self.first is None:
                self.first = number
        self._tally.add(values, quality)

    def fill(self, number: int, row: Row) -> bool:
        """Put a step of the past where nothing stands yet; say whether it was."""
        slot = number % self._slots
        if (self.first is not None and number >= self.first) or self._numbers[slot] >= number:
            return False
        self._put(number, row)
        return True

    def under_way(self) -> Row | None:
        """Return what came in the step that is being filled."""
        return self._tally.row() if self._open is not None else None

    def curve(self, at: int, now_ms: int, merged: int = 1, under_way: Row | None = None) -> Curve:
        """Return a channel's last 24 hours, the step under way last.

        Args:
            at: The channel's position.
            now_ms: This instant, since the boot.
            merged: So many steps are taken together.
            under_way: The step that is being filled.
        """
        last = now_ms // self._step_ms
        columns = [each[at :: self.channels] for each in (self._least, self._mean, self._greatest)]
        steps = {
            number: _Step(*values)
            for number, *values in zip(self._numbers, *columns, self._flags[at :: self.channels], strict=True)
            if number > last - self._slots
        }
        if under_way is not None and self._open is not None:
            least, mean, greatest, flags = under_way
            steps[self._open] = _Step(least[at], mean[at], greatest[at], flags[at])
        curve = Curve([], [], [], [])
        circular = at in self.circular
        for first in range(self._first_shown(last, merged), last + 1, merged):
            found = [steps[each] for each in range(first, first + merged) if each in steps]
            curve.append(found[0] if len(found) == 1 else _together(found, circular=circular))
        return curve

    def starts_at_ms(self, now_ms: int, merged: int = 1) -> int:
        """Return the instant at which a curve begins."""
        return self._first_shown(now_ms // self._step_ms, merged) * self._step_ms

    def _first_shown(self, last: int, merged: int) -> int:
        """Return where whole groups begin, on a grid of their own, so that what is complete never changes."""
        return (last // merged - self._slots // merged + 1) * merged

    def _close(self) -> None:
        if self._open is not None:
            self._put(self._open, self._tally.take())

    def _put(self, number: int, row: Row) -> None:
        slot = number % self._slots
        place = slice(slot * self.channels, (slot + 1) * self.channels)
        self._least[place] = array("f", row.least)
        self._mean[place] = array("f", row.mean)
        self._greatest[place] = array("f", row.greatest)
        self._flags[place] = bytes(row.flags)
        self._numbers[slot] = number


def _slots(step_s: int) -> int:
    return DAY_S // step_s


def _together(steps: Sequence[_Step], *, circular: bool) -> _Step:
    flags = reduce(or_, (step.flags for step in steps), 0)
    valued = [step for step in steps if step.flags & (GOOD | UNCERTAIN)]
    if not valued:
        return _Step(0.0, 0.0, 0.0, flags)
    means = [step.mean for step in valued]
    mean = _direction(means) if circular else math.fsum(means) / len(means)
    return _Step(min(step.least for step in valued), mean, max(step.greatest for step in valued), flags)


def _direction(angles: Sequence[float]) -> float:
    """Return the mean of directions, as of vectors of one length.

    >>> round(_direction([350.0, 20.0]), 6)
    5.0
    """
    east = math.fsum(math.sin(math.radians(each)) for each in angles)
    north = math.fsum(math.cos(math.radians(each)) for each in angles)
    return _angle(east, north)


def _angle(east: float, north: float) -> float:
    angle = math.degrees(math.atan2(east, north)) % 360
    return angle if angle < 360 else 0.0  # what is hardly below 0 is 360 to a remainder
