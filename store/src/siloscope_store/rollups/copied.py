"""Sample rows as binary COPY brings them, as arrays: no object per reading, nor per sample where all of it is good.

A row is that of `sample_rows`: group, time, values, quality.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from siloscope_contract.quality import FIRST_BAD, FIRST_UNCERTAIN, Quality
from siloscope_store.sample_rows import MS_UNTIL_2000, decode

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_PLAIN_BYTES, _GRADED_BYTES = 50, 70


@dataclass(frozen=True)
class Flaws:
    """Readings that are not good: parallel arrays of row, position, quality code and how many."""

    rows: Integers
    positions: Integers
    codes: Integers
    numbers: Integers

    @staticmethod
    def of(found: Sequence[tuple[int, int, int, int]]) -> "Flaws":
        """Return flaws from (row, position, code, number)."""
        columns = np.array(found, dtype=np.int64).reshape(-1, 4)
        return Flaws(columns[:, 0], columns[:, 1], columns[:, 2], columns[:, 3])


@dataclass(frozen=True)
class Samples:
    """Samples, a row each.

    Attributes:
        group_ids: Shape (n,).
        times_us: Microseconds since 2000-01-01 UTC, shape (n,).
        values: Shape (n, width); NaN where a position has no value, or a failed one.
        flaws: Every reading that is not good.
    """

    group_ids: Integers
    times_us: Integers
    values: Floats
    flaws: Flaws


def samples_of(rows: Sequence[bytes]) -> Samples:
    """Return rows as arrays, in their order."""
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    pieces: list[_Piece] = []
    for length in np.unique(lengths).tolist():
        places = np.flatnonzero(lengths == length)
        pieces += _pieces(rows if len(places) == len(rows) else [rows[at] for at in places.tolist()], places, length)
    width = max((piece.values.shape[1] for piece in pieces), default=0)
    if len(pieces) == 1:
        (piece,) = pieces
        return Samples(piece.group_ids, piece.times_us, piece.values, Flaws.of(piece.flaws))
    values = np.full((len(rows), width), np.nan)
    group_ids, times_us = np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.int64)
    for piece in pieces:
        values[piece.places, : piece.values.shape[1]] = piece.values
        group_ids[piece.places] = piece.group_ids
        times_us[piece.places] = piece.times_us
    return Samples(group_ids, times_us, values, Flaws.of([flaw for piece in pieces for flaw in piece.flaws]))


@dataclass(frozen=True)
class _Piece:
    """Rows of one shape; `places` says where they stand among all, and flaws name those places."""

    places: Integers
    group_ids: Integers
    times_us: Integers
    values: Floats
    flaws: list[tuple[int, int, int, int]]


def _pieces(rows: Sequence[bytes], places: Integers, length: int) -> list[_Piece]:
    """Read rows of one length: as arrays where they have one of the two usual shapes, else one by one."""
    pieces, left = [], np.arange(len(rows))
    joined = b"".join(rows)
    for smallest, step, graded in ((_PLAIN_BYTES, 12, False), (_GRADED_BYTES, 18, True)):
        width, rest = divmod(length - smallest, step)
        if rest or width < 1 or not len(left):
            continue
        table = np.frombuffer(joined, dtype=_layout(width, graded=graded))
        fits = np.zeros(len(rows), dtype=bool)
        fits[left] = True
        fits &= (table["dimensions"] == 1) & (table["nulls"] == 0) & (table["length"] == width)
        if graded:
            fits &= (table["q_dimensions"] == 1) & (table["q_nulls"] == 0) & (table["q_length"] == width)
        else:
            fits &= table["q_size"] == -1
        if fits.any():
            pieces.append(_piece(table if fits.all() else table[fits], places[fits], graded=graded))
            left = left[~fits[left]]
    if len(left):
        pieces.append(_decoded([rows[at] for at in left.tolist()], places[left]))
    return pieces


def _piece(table: NDArray[Any], places: Integers, *, graded: bool) -> _Piece:
    values = table["values"]["v"].astype(np.float64)
    flaws: list[tuple[int, int, int, int]] = []
    if graded:
        codes = table["quality"]["v"].astype(np.int64)
        for row, position in zip(*(found.tolist() for found in np.nonzero(codes >= FIRST_UNCERTAIN)), strict=True):
            flaws.append((int(places[row]), position, int(codes[row, position]), 1))
        values[codes >= FIRST_BAD] = np.nan
    else:
        codes = None
    if not np.isfinite(values).all():
        for row, position in zip(*(found.tolist() for found in np.nonzero(~np.isfinite(values))), strict=True):
            if codes is None or codes[row, position] < FIRST_BAD:
                flaws.append((int(places[row]), position, int(Quality.NOT_A_NUMBER), 1))
        values[~np.isfinite(values)] = np.nan
    return _Piece(places, table["group"].astype(np.int64), table["time"].astype(np.int64), values, flaws)


def _decoded(rows: Sequence[bytes], places: Integers) -> _Piece:
    """Read rows with missing or failed elements, one by one."""
    samples = [decode(row) for row in rows]
    width = max(max(len(sample.values), len(sample.quality or ())) for sample in samples)
    values = np.full((len(samples), width), np.nan)
    flaws: list[tuple[int, int, int, int]] = []
    for row, sample in enumerate(samples):
        for position, value, code in judged(sample.values, sample.quality):
            if value is not None:
                values[row, position] = value
            if code >= FIRST_UNCERTAIN:
                flaws.append((int(places[row]), position, code, 1))
    group_ids = np.array([sample.group_id for sample in samples], dtype=np.int64)
    times_us = np.array([(sample.time_ms - MS_UNTIL_2000) * 1000 for sample in samples], dtype=np.int64)
    return _Piece(places, group_ids, times_us, values, flaws)


def judged(values: Sequence[float | None], quality: Sequence[int | None] | None) -> list[tuple[int, float | None, int]]:
    """Return (position, value, code) of every reading of a sample; a failed one has no value, whatever is stored.

    >>> judged([1.0, None, None, 5.0], [None, None, 202, 203])
    [(0, 1.0, 0), (2, None, 202), (3, None, 203)]
    """
    readings: list[tuple[int, float | None, int]] = []
    for position in range(max(len(values), len(quality or ()))):
        value = values[position] if position < len(values) else None
        code = quality[position] if quality is not None and position < len(quality) else None
        if value is None and code is None:
            continue
        graded = code or 0
        if value is None:
            graded = max(graded, FIRST_BAD)
        elif graded < FIRST_BAD and not np.isfinite(value):
            graded = int(Quality.NOT_A_NUMBER)
        readings.append((position, value if graded < FIRST_BAD else None, graded))
    return readings


@lru_cache(maxsize=512)
def _layout(width: int, *, graded: bool) -> np.dtype[Any]:
    head = [("fields", ">i2"), ("l1", ">i4"), ("group", ">i4"), ("l2", ">i4"), ("time", ">i8")]
    array = [
        ("size", ">i4"),
        ("dimensions", ">i4"),
        ("nulls", ">i4"),
        ("kind", ">u4"),
        ("length", ">i4"),
        ("low", ">i4"),
    ]
    parts: list[Any] = [*head, *array, ("values", [("l", ">i4"), ("v", ">f8")], (width,))]
    if graded:
        parts += [(f"q_{name}", kind) for name, kind in array]
        parts.append(("quality", [("l", ">i4"), ("v", ">i2")], (width,)))
    else:
        parts.append(("q_size", ">i4"))
    return np.dtype(parts)
