"""Rows of the roll-up tables: written in binary COPY format, read back into arrays."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from siloscope_store.rollups.copied import Flaws, Floats, Integers
from siloscope_store.rollups.folding import Kinds, Parts, positions
from siloscope_store.sample_rows import float_array

EPOCH_2000 = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
_CANCELLED = 1e-6
"""A mean vector shorter than this has no direction: opposite ones cancelled out, but for rounding."""

_NULL = b"\xff\xff\xff\xff"
_HEAD = Struct(">hiiiiiq")
_ARRAY = Struct(">iiiIii")
_FLOAT8, _INT4 = 701, 23
_MICROSECOND = timedelta(microseconds=1)


def us_of(at: datetime) -> int:
    """Return microseconds since 2000 UTC."""
    return (at - EPOCH_2000) // _MICROSECOND


def at_of(time_us: int) -> datetime:
    """Return the time of microseconds since 2000 UTC."""
    return EPOCH_2000 + timedelta(microseconds=time_us)


def encoded(parts: Parts, kinds: dict[int, Kinds]) -> list[bytes]:
    """Return rows for the temporary table; arrays end at the last position that ever had a value in the bucket."""
    n, width = parts.counts.shape
    filled = parts.counts > 0
    widths = (
        np.where(filled.any(axis=1), width - filled[:, ::-1].argmax(axis=1), 0) if width else np.zeros(n, dtype=int)
    )
    circular = positions(parts.group_ids, width, {id_: kind.circular for id_, kind in kinds.items()})
    mean, resultant = means(parts, circular)
    minimum, maximum = parts.minimum, parts.maximum
    if circular is not None:
        minimum, maximum = np.where(circular, np.nan, minimum), np.where(circular, np.nan, maximum)
    counters = positions(parts.group_ids, width, {id_: kind.counters for id_, kind in kinds.items()})
    always = [_Column(column) for column in (minimum, maximum, mean, parts.last)]
    turning = None if circular is None or resultant is None else _Column(np.where(circular & filled, resultant, np.nan))
    counted = None
    if counters is not None and parts.increase is not None:
        counting = counters & filled
        counted = [_Column(np.where(counting, column, np.nan)) for column in (parts.first, parts.increase)]
    reasons = _reasons(parts.flaws)
    rows = []
    for row, (group_id, start_us, samples, used) in enumerate(
        zip(parts.group_ids.tolist(), parts.starts_us.tolist(), parts.samples.tolist(), widths.tolist(), strict=True)
    ):
        kind = kinds.get(group_id, Kinds())
        fields = [_HEAD.pack(12, 4, group_id, 4, samples, 8, start_us), _int_array(parts.counts[row, :used])]
        fields += [column.field(row, used) for column in always]
        fields.append(_NULL if turning is None or not kind.circular else turning.field(row, used))
        fields += [_NULL, _NULL] if counted is None or not kind.counters else [c.field(row, used) for c in counted]
        fields.append(_json(reasons[row]) if row in reasons else _NULL)
        rows.append(b"".join(fields))
    return rows


def means(parts: Parts, circular: NDArray[np.bool_] | None) -> tuple[Floats, Floats | None]:
    """Return means, of directions those of the mean vector, and how long that vector is."""
    filled = parts.counts > 0
    number = np.where(filled, parts.counts, 1)
    mean = np.where(filled, parts.total / number, np.nan)
    if circular is None or parts.sines is None or parts.cosines is None:
        return mean, None
    x, y = parts.cosines / number, parts.sines / number
    length = np.hypot(x, y)
    angle = np.where(length > _CANCELLED, np.mod(np.mod(np.rad2deg(np.arctan2(y, x)), 360), 360), np.nan)
    return np.where(circular, np.where(filled, angle, np.nan), mean), np.minimum(length, 1.0)


def parts_of_rows(rows: Sequence[tuple[Any, ...]], kinds: dict[int, Kinds]) -> Parts:
    """Return rows of a roll-up table (group, bucket, samples, counts, …) as buckets."""
    group_ids = np.array([row[0] for row in rows], dtype=np.int64)
    width = max((len(row[3]) for row in rows), default=0)
    counts = np.nan_to_num(_matrix(rows, 3, width)).astype(np.int64)
    mean, resultant = _matrix(rows, 6, width), _matrix(rows, 8, width)
    circular = positions(group_ids, width, {id_: kind.circular for id_, kind in kinds.items()})
    sines: Floats | None = None
    cosines: Floats | None = None
    if circular is not None:
        length: Floats = np.where(circular, np.nan_to_num(resultant), 0.0) * counts
        angle = np.deg2rad(np.nan_to_num(mean))
        sines, cosines = length * np.sin(angle), length * np.cos(angle)
    counting = any(kind.counters for kind in kinds.values())
    increase = np.nan_to_num(_matrix(rows, 10, width)) if counting else None
    last, first = _matrix(rows, 7, width), _matrix(rows, 9, width)
    return Parts(
        group_ids,
        np.array([us_of(row[1]) for row in rows], dtype=np.int64),
        np.array([row[2] for row in rows], dtype=np.int64),
        counts,
        _matrix(rows, 4, width),
        _matrix(rows, 5, width),
        np.nan_to_num(mean) * counts,
        first,
        last,
        sines,
        cosines,
        increase,
        _flaws(rows),
    )


def joined(several: Sequence[Parts]) -> Parts:
    """Return buckets of several makings as one, in order of (group, start)."""
    width = max(parts.counts.shape[1] for parts in several)
    order_of: list[Integers] = []
    before = 0
    for parts in several:
        order_of.append(parts.flaws.rows + before)
        before += len(parts.group_ids)
    group_ids = np.concatenate([parts.group_ids for parts in several])
    starts_us = np.concatenate([parts.starts_us for parts in several])
    order = np.lexsort((starts_us, group_ids))
    place = np.empty(before, dtype=np.int64)
    place[order] = np.arange(before)
    flaws = Flaws(
        place[np.concatenate(order_of)] if before else np.concatenate(order_of),
        np.concatenate([parts.flaws.positions for parts in several]),
        np.concatenate([parts.flaws.codes for parts in several]),
        np.concatenate([parts.flaws.numbers for parts in several]),
    )

    def stacked(name: str) -> Any:
        columns = [getattr(parts, name) for parts in several]
        if all(column is None for column in columns):
            return None
        empty = 0 if name in ("counts", "sines", "cosines", "increase") else np.nan
        shaped = [
            np.full((len(parts.group_ids), width), empty) if column is None else _padded(column, width, empty)
            for parts, column in zip(several, columns, strict=True)
        ]
        return np.concatenate(shaped)[order]

    return Parts(
        group_ids[order],
        starts_us[order],
        np.concatenate([parts.samples for parts in several])[order],
        stacked("counts").astype(np.int64),
        stacked("minimum"),
        stacked("maximum"),
        stacked("total"),
        stacked("first"),
        stacked("last"),
        stacked("sines"),
        stacked("cosines"),
        stacked("increase"),
        flaws,
    )


class _Column:
    """A matrix of floats whose rows go into float8[] fields."""

    def __init__(self, matrix: Floats) -> None:
        self._matrix = matrix
        self._missing = np.isnan(matrix)
        self._elements = np.empty(matrix.shape, dtype=[("l", ">i4"), ("v", ">f8")])
        self._elements["l"], self._elements["v"] = 8, matrix

    def field(self, row: int, width: int) -> bytes:
        if not width:
            return _EMPTY_FLOATS
        if self._missing[row, :width].any():
            values = self._matrix[row, :width].tolist()
            return float_array([None if value != value else value for value in values])
        return _ARRAY.pack(20 + 12 * width, 1, 0, _FLOAT8, width, 1) + self._elements[row, :width].tobytes()


_EMPTY_FLOATS = Struct(">iiiI").pack(12, 0, 0, _FLOAT8)
_EMPTY_INTS = Struct(">iiiI").pack(12, 0, 0, _INT4)


def _int_array(values: Integers) -> bytes:
    if not len(values):
        return _EMPTY_INTS
    elements = np.empty(len(values), dtype=[("l", ">i4"), ("v", ">i4")])
    elements["l"], elements["v"] = 4, values
    return _ARRAY.pack(20 + 8 * len(values), 1, 0, _INT4, len(values), 1) + elements.tobytes()


def _json(value: Any) -> bytes:
    text = b"\x01" + json.dumps(value, sort_keys=True).encode()
    return len(text).to_bytes(4, "big") + text


def _reasons(flaws: Flaws) -> dict[int, dict[str, dict[str, int]]]:
    found: dict[int, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    columns = (flaws.rows, flaws.positions, flaws.codes, flaws.numbers)
    for row, position, code, number in zip(*(column.tolist() for column in columns), strict=True):
        found[row][str(position)][str(code)] = number
    return found


def _flaws(rows: Sequence[tuple[Any, ...]]) -> Flaws:
    return Flaws.of(
        [
            (at, int(position), int(code), number)
            for at, row in enumerate(rows)
            if row[11]
            for position, codes in row[11].items()
            for code, number in codes.items()
        ]
    )


def _matrix(rows: Sequence[tuple[Any, ...]], column: int, width: int) -> Floats:
    matrix = np.full((len(rows), width), np.nan)
    for at, row in enumerate(rows):
        values = row[column]
        if values:
            matrix[at, : len(values)] = values
    return matrix


def _padded(column: NDArray[Any], width: int, empty: float) -> NDArray[Any]:
    missing = width - column.shape[1]
    return np.pad(column, ((0, 0), (0, missing)), constant_values=empty) if missing else column
