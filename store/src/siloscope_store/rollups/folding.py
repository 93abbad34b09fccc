"""Folding samples into buckets, and buckets into longer ones: the same arithmetic, exact but for rounding.

A sample is the smallest bucket: its value is its own least, greatest, first and last. So samples fold into five minutes
or hours, those into hours and days, and it makes no difference by which way.

A direction is summed as a vector. A counter's increase is the sum of its increments from one value to the next, where a
smaller value is a reset to 0 and adds itself; a bucket holds the increments within it, its first and its last value
give what the border to its neighbours adds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from siloscope_store.rollups.copied import Flaws, Floats, Integers, Samples

Mask = NDArray[np.bool_]


class Kinds(NamedTuple):
    """Positions of a group whose channels are directions, and counters."""

    circular: tuple[int, ...] = ()
    counters: tuple[int, ...] = ()


@dataclass(frozen=True)
class Parts:
    """Buckets in order of (group, start), a row each; in arrays of shape (n, width) NaN stands for no value.

    Attributes:
        starts_us: When each begins, microseconds since 2000 UTC.
        samples: How many samples.
        counts: Values by position.
        total: Their sum.
        sines: Sums of the sines of directions; None where no group has any. `cosines` likewise.
        increase: Of counters; None where no group has any.
        flaws: What is not good.
    """

    group_ids: Integers
    starts_us: Integers
    samples: Integers
    counts: Integers
    minimum: Floats
    maximum: Floats
    total: Floats
    first: Floats
    last: Floats
    sines: Floats | None
    cosines: Floats | None
    increase: Floats | None
    flaws: Flaws


def parts_of(samples: Samples, kinds: Mapping[int, Kinds]) -> Parts:
    """Return samples as the buckets of no length that they are."""
    values = samples.values
    circular = positions(samples.group_ids, values.shape[1], {id_: kind.circular for id_, kind in kinds.items()})
    counters = positions(samples.group_ids, values.shape[1], {id_: kind.counters for id_, kind in kinds.items()})
    sines: Floats | None = None
    cosines: Floats | None = None
    if circular is not None:
        sines, cosines = np.zeros(values.shape), np.zeros(values.shape)
        angles = np.deg2rad(values[circular])
        sines[circular] = np.nan_to_num(np.sin(angles))
        cosines[circular] = np.nan_to_num(np.cos(angles))
    return Parts(
        samples.group_ids,
        samples.times_us,
        np.ones(len(values), dtype=np.int64),
        (~np.isnan(values)).astype(np.int64),
        values,
        values,
        values,
        values,
        values,
        sines,
        cosines,
        None if counters is None else np.zeros(values.shape),
        samples.flaws,
    )


def positions(group_ids: Integers, width: int, of_group: Mapping[int, Sequence[int]]) -> Mask | None:
    """Return where rows have positions of a kind; None where none has any."""
    special = {group_id: found for group_id, found in of_group.items() if found}
    if not special or not len(group_ids):
        return None
    known, place = np.unique(group_ids, return_inverse=True)
    mask = np.zeros((len(known), width), dtype=bool)
    for row, group_id in enumerate(known.tolist()):
        mask[row, [position for position in special.get(group_id, ()) if position < width]] = True
    return mask[place] if mask.any() else None


def fold(parts: Parts, starts_us: Integers, kinds: Mapping[int, Kinds]) -> Parts:
    """Return the buckets that rows fall into.

    Args:
        parts: In order of (group, start).
        starts_us: For each row, when the bucket that it belongs to begins; ascending within a group.
        kinds: Of the groups that have directions or counters.
    """
    n = len(parts.group_ids)
    if n == 0:
        return parts
    changes = (parts.group_ids[1:] != parts.group_ids[:-1]) | (starts_us[1:] != starts_us[:-1])
    begins = np.concatenate(([0], np.flatnonzero(changes) + 1))
    filled = parts.counts > 0
    whole = bool(filled.all())
    total = parts.total if whole else np.where(filled, parts.total, 0.0)
    smallest, greatest = (np.minimum, np.maximum) if whole else (np.fmin, np.fmax)
    counters = positions(parts.group_ids, filled.shape[1], {id_: kind.counters for id_, kind in kinds.items()})
    increase = None
    if counters is not None:
        borders = _borders(parts, begins, filled & counters)
        increase = borders if parts.increase is None else borders + np.add.reduceat(parts.increase, begins, axis=0)
    return Parts(
        parts.group_ids[begins],
        starts_us[begins],
        np.add.reduceat(parts.samples, begins),
        np.add.reduceat(parts.counts, begins, axis=0),
        smallest.reduceat(parts.minimum, begins, axis=0),
        greatest.reduceat(parts.maximum, begins, axis=0),
        np.add.reduceat(total, begins, axis=0),
        _first(parts.first, begins, filled, whole=whole),
        _last(parts.last, begins, filled, whole=whole),
        None if parts.sines is None else np.add.reduceat(parts.sines, begins, axis=0),
        None if parts.cosines is None else np.add.reduceat(parts.cosines, begins, axis=0),
        increase,
        _gathered(parts.flaws, begins),
    )


def increment(before: Floats, after: Floats) -> Floats:
    """Return what a counter added from one value to the next."""
    steps: Floats = np.where(after < before, after, after - before)
    return steps


def _first(values: Floats, begins: Integers, filled: Mask, *, whole: bool) -> Floats:
    if whole:
        return values[begins]
    rows = np.arange(len(values))[:, None]
    found = np.minimum.reduceat(np.where(filled, rows, len(values)), begins, axis=0)
    return _taken(values, found)


def _last(values: Floats, begins: Integers, filled: Mask, *, whole: bool) -> Floats:
    if whole:
        ends: Integers = np.concatenate((begins[1:], [len(values)]))
        return values[ends - 1]
    rows = np.arange(len(values))[:, None]
    found = np.maximum.reduceat(np.where(filled, rows, -1), begins, axis=0)
    return _taken(values, np.where(found < 0, len(values), found))


def _taken(values: Floats, rows: Integers) -> Floats:
    """Return values by the row that each position names; the row behind the last stands for none."""
    padded = np.vstack((values, np.full((1, values.shape[1]), np.nan)))
    taken: Floats = np.take_along_axis(padded, rows, axis=0)
    return taken


def _borders(parts: Parts, begins: Integers, counting: Mask) -> Floats:
    """Return, by bucket and position, what counters added between one part of the bucket and the next."""
    bucket = np.repeat(np.arange(len(begins)), np.diff(np.concatenate((begins, [len(counting)]))))
    added = np.zeros((len(begins), counting.shape[1]))
    for position in np.flatnonzero(counting.any(axis=0)).tolist():
        rows = np.flatnonzero(counting[:, position])
        before, after = rows[:-1], rows[1:]
        steps = increment(parts.last[before, position], parts.first[after, position])
        same = bucket[before] == bucket[after]
        added[:, position] = np.bincount(bucket[after][same], steps[same], minlength=len(begins))
    return added


def _gathered(flaws: Flaws, begins: Integers) -> Flaws:
    if not len(flaws.rows):
        return flaws
    buckets = np.searchsorted(begins, flaws.rows, side="right") - 1
    keys, place = np.unique(np.stack((buckets, flaws.positions, flaws.codes)), axis=1, return_inverse=True)
    numbers = np.bincount(place.ravel(), flaws.numbers).astype(np.int64)
    return Flaws(keys[0], keys[1], keys[2], numbers)
