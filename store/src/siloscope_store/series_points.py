"""From closed buckets to the points of a chart: pure arithmetic, of one channel."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

_CANCELLED = 1e-6
"""A mean vector shorter than this has no direction."""


class SeriesPoint(msgspec.Struct, frozen=True):
    """One reading, or one bucket, named by when it begins.

    Attributes:
        min: Least value; None for a direction's bucket, and where every reading failed, as are `mean` and `max`.
        count: Readings with a value.
        bad: Failed readings.
        uncertain: Readings with a value in doubt; the share of good ones is (count - uncertain) / (count + bad).
        increase: Of a counter: what it added since the point before, or for the first since what it said last before,
            whatever was reset meanwhile; else None.
        day: Where points are days: the local date that the point begins with.
    """

    time: datetime
    min: float | None
    mean: float | None
    max: float | None
    count: int
    bad: int
    uncertain: int = 0
    increase: float | None = None
    day: date | None = None


@dataclass
class Bucket:
    """What a stretch of time holds of one channel; `x` and `y` sum a direction's vectors."""

    begins: datetime
    day: date
    count: int
    bad: int
    uncertain: int
    minimum: float | None
    maximum: float | None
    total: float
    x: float = 0.0
    y: float = 0.0
    first: float | None = None
    last: float | None = None
    increase: float = 0.0

    @staticmethod
    def of_rollup(row: tuple[object, ...]) -> "Bucket":
        """Return the bucket of a roll-up's row."""
        begins, day, count, bad, uncertain, low, high, mean, resultant, first, last, increase = row
        number: int = count  # type: ignore[assignment]
        total, x, y = 0.0, 0.0, 0.0
        if isinstance(mean, float):
            total = mean * number
            if isinstance(resultant, float):
                x, y = (f(math.radians(mean)) * resultant * number for f in (math.cos, math.sin))
        return Bucket(begins, day, number, bad, uncertain, low, high, total, x, y, first, last, increase or 0.0)  # type: ignore[arg-type]


def points(
    buckets: Iterable[Bucket],
    number_of: Callable[[Bucket], int],
    begins_of: Callable[[int], datetime],
    *,
    circular: bool,
    counter: bool,
    first: int | None = None,
    before: float | None = None,
) -> list[SeriesPoint]:
    """Return one point for each run of buckets with one number.

    Args:
        buckets: In order of time.
        number_of: Says which buckets are one point.
        begins_of: When the point of a number begins, whether or not anything was read then.
        circular: The channel is a direction.
        counter: The channel is a counter.
        first: Buckets with a smaller number only say from where a counter went on.
        before: What a counter said last before all of the buckets, where that is known.
    """
    gathered: dict[int, Bucket] = {}
    for bucket in buckets:
        if counter and before is not None and bucket.first is not None:
            bucket.increase += bucket.first if bucket.first < before else bucket.first - before
        before = before if bucket.last is None else bucket.last
        number = number_of(bucket)
        if first is not None and number < first:
            continue
        if number in gathered:
            _add(gathered[number], bucket)
        else:
            gathered[number] = bucket
    return [
        _point(begins_of(number), whole, circular=circular, counter=counter)
        for number, whole in gathered.items()
        if whole.count + whole.bad
    ]


def _add(whole: Bucket, more: Bucket) -> None:
    whole.count += more.count
    whole.bad += more.bad
    whole.uncertain += more.uncertain
    whole.minimum = _either(min, whole.minimum, more.minimum)
    whole.maximum = _either(max, whole.maximum, more.maximum)
    whole.total += more.total
    whole.x += more.x
    whole.y += more.y
    whole.increase += more.increase


def _either(choose: Callable[[float, float], float], one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)


def _point(begins: datetime, whole: Bucket, *, circular: bool, counter: bool) -> SeriesPoint:
    mean: float | None = whole.total / whole.count if whole.count else None
    low, high = whole.minimum, whole.maximum
    if circular:
        low = high = mean = None
        if math.hypot(whole.x, whole.y) > _CANCELLED * max(1, whole.count):
            mean = math.degrees(math.atan2(whole.y, whole.x)) % 360 % 360
    increase = whole.increase if counter and whole.count else None
    return SeriesPoint(begins, low, mean, high, whole.count, whole.bad, whole.uncertain, increase)
