"""Readings: one value of one channel with its quality. A bad one has no value, and a value is never made up."""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple, overload

from siloscope_contract.quality import Quality
from siloscope_contract.quantities import quantity
from siloscope_edge.profiles import Channel, Loop

_BROKEN_MA = (3.6, 21.0)
_MEASURED_MA = (3.8, 20.5)


class Reading(NamedTuple):
    """A value and its quality; the value is None exactly where the quality is bad."""

    value: float | None
    quality: int


class Columns(Sequence[Reading]):
    """Readings of a device as two columns, for drivers that make no object of each.

    Args:
        values: None exactly where the quality is bad.
        quality: As many codes.
    """

    __slots__ = ("quality", "values")

    def __init__(self, values: list[float | None], quality: list[int]) -> None:
        self.values = values
        self.quality = quality

    @classmethod
    def of(cls, readings: Sequence[Reading]) -> "Columns":
        """Return readings as columns."""
        if isinstance(readings, cls):
            return readings
        return cls([each.value for each in readings], [each.quality for each in readings])

    @overload
    def __getitem__(self, at: int) -> Reading: ...

    @overload
    def __getitem__(self, at: slice) -> "Columns": ...

    def __getitem__(self, at: int | slice) -> "Reading | Columns":
        if isinstance(at, slice):
            return Columns(self.values[at], self.quality[at])
        return Reading(self.values[at], self.quality[at])

    def __len__(self) -> int:
        return len(self.values)


Judge = Callable[[float], Reading]
JudgeAll = Callable[[Sequence[float]], list[float] | None]
"""Makes values of many numbers at once; None where not all of them are good."""


def failed(quality: Quality) -> Reading:
    """Return a reading that could not be had."""
    return Reading(None, int(quality))


def judge_for(channel: Channel) -> Judge:
    """Return what makes a reading of a channel's unscaled number: scaled, rounded, and checked as the profile says.

    Without a range of its own a channel has that of its quantity: beyond it nobody would take the value.
    """
    scale, offset = channel.scale, channel.offset
    possible = quantity(channel.quantity)
    low, high = channel.valid or (possible.low, possible.high)
    rounded = rounder(channel.resolution)
    out_of_range, not_a_number = failed(Quality.OUT_OF_RANGE), failed(Quality.NOT_A_NUMBER)

    def ranged(number: float) -> Reading:
        if not math.isfinite(number):
            return not_a_number
        value = rounded(number * scale + offset)
        return Reading(value, 0) if low <= value <= high else out_of_range

    return ranged if channel.loop is None else _looped(channel, channel.loop, low, high)


def judge_all_for(channel: Channel) -> JudgeAll | None:
    """Return what makes values of many unscaled numbers of channels that are judged as this one; None for a loop."""
    if channel.loop is not None:
        return None
    scale, offset = channel.scale, channel.offset
    possible = quantity(channel.quantity)
    low, high = channel.valid or (possible.low, possible.high)
    rounded = rounder(channel.resolution)
    digits = _digits(channel.resolution)

    def ranged(numbers: Sequence[float]) -> list[float] | None:
        if digits is not None:
            values = [round(number * scale + offset, digits) + 0.0 for number in numbers]
        else:
            scaled = [number * scale + offset for number in numbers]
            if not math.isfinite(sum(scaled)):
                return None
            values = list(map(rounded, scaled))
        # The sum is finite only where all are, and only then the least and the greatest are what they say.
        return values if math.isfinite(sum(values)) and low <= min(values) and max(values) <= high else None

    return ranged


def _digits(resolution: float | None) -> int | None:
    """Return how many decimal places the steps of a resolution are, where they are powers of ten."""
    if resolution is None:
        return None
    exponent = Decimal(str(resolution)).as_tuple().exponent
    digits = max(0, -exponent) if isinstance(exponent, int) else 0
    return digits if resolution == 10**-digits else None


def rounder(resolution: float | None) -> Callable[[float], float]:
    """Return what rounds to whole steps of ``resolution``, without the dust that binary fractions leave.

    >>> rounder(0.1)(219 * 0.1), rounder(0.25)(1.4)
    (21.9, 1.5)
    """
    if resolution is None:
        return float
    exponent = Decimal(str(resolution)).as_tuple().exponent
    digits = max(0, -exponent) if isinstance(exponent, int) else 0
    if resolution == 10**-digits:
        return lambda value: round(value, digits) + 0.0
    return lambda value: round(round(value / resolution) * resolution, digits) + 0.0


def _looped(channel: Channel, loop: Loop, low: float, high: float) -> Judge:
    span = loop.at_20_ma - loop.at_4_ma
    rounded = rounder(channel.resolution)
    broken, out_of_range = failed(Quality.SENSOR_MISSING), failed(Quality.OUT_OF_RANGE)

    def judge(number: float) -> Reading:
        if not math.isfinite(number):
            return failed(Quality.NOT_A_NUMBER)
        current_ma = round(number * channel.scale + channel.offset, 9)  # 3.6 by binary fractions is not above 3.6
        if not _BROKEN_MA[0] < current_ma < _BROKEN_MA[1]:
            return broken
        if not _MEASURED_MA[0] <= current_ma <= _MEASURED_MA[1]:
            return out_of_range
        value = rounded(loop.at_4_ma + (current_ma - 4) / 16 * span)
        return Reading(value, 0) if low <= value <= high else out_of_range

    return judge
