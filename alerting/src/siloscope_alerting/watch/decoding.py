"""PostgreSQL's binary arrays as columns: an array of a thousand groups at a time, not a number at a time.

Source:
    array_send in the server's sources: dimensions, whether there are NULLs, element type, length, lower bound (each
    four bytes), then each element with its length before it; a NULL is a length of -1 and nothing else.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from siloscope_alerting.columns import Float, Int64

_HEADER_BYTES = 20
_TIME_BYTES = 8
_LENGTH = Struct(">i")
_MS_UNTIL_2000 = 946_684_800_000
NEVER_MS = np.iinfo(np.int64).min
"""Stands for the time of an element that is NULL."""
NO_QUALITY = -1
"""Stands for the quality of an element that is NULL."""

_SIZES = {">i8": 8, ">f8": 8, ">i2": 2}
_ELEMENTS = {">i8": Struct(">q"), ">f8": Struct(">d"), ">i2": Struct(">h")}


def lengths(arrays: Sequence[bytes]) -> NDArray[np.int64]:
    """Return how many elements each array has."""
    if (size := _one_size(arrays)) is not None and size >= _HEADER_BYTES:
        row = np.dtype([("before", "V12"), ("count", ">i4"), ("rest", f"V{size - 16}")])
        return np.frombuffer(b"".join(arrays), row)["count"].astype(np.int64)
    return np.fromiter((_length(each) for each in arrays), np.int64, len(arrays))


def times_ms(arrays: Sequence[bytes], counts: NDArray[np.int64]) -> Int64:
    """Return the elements of timestamptz arrays, one array after the other; NULL is `NEVER_MS`.

    What is no array but a single time stands for so many elements.
    """
    single = np.fromiter((len(each) == _TIME_BYTES for each in arrays), np.bool_, len(arrays))
    if single.all():
        found = np.repeat(np.frombuffer(b"".join(arrays), ">i8").astype(np.int64), counts)
    elif single.any():
        at = np.repeat(single, counts)
        found = np.empty(int(counts.sum()), np.int64)
        ones = b"".join([each for each in arrays if len(each) == _TIME_BYTES])
        found[at] = np.repeat(np.frombuffer(ones, ">i8").astype(np.int64), counts[single])
        found[~at] = _elements([each for each in arrays if len(each) != _TIME_BYTES], ">i8", int(NEVER_MS))
    else:
        found = _elements(arrays, ">i8", int(NEVER_MS))
    return np.where(found == NEVER_MS, NEVER_MS, found // 1000 + _MS_UNTIL_2000)


def counts_of(times: Sequence[bytes], values: Sequence[bytes]) -> NDArray[np.int64]:
    """Return how many elements each row has: as many as its times, or where that is a single one, as its values."""
    if _one_size(times) == _TIME_BYTES:
        return lengths(values)
    pairs = zip(times, values, strict=True)
    return lengths([value if len(time) == _TIME_BYTES else time for time, value in pairs])


def values(arrays: Sequence[bytes]) -> Float:
    """Return the elements of float8 arrays, one array after the other; NULL is NaN."""
    return _elements(arrays, ">f8", float("nan"))


def qualities(arrays: Sequence[bytes | None], counts: NDArray[np.int64]) -> NDArray[np.int16]:
    """Return the elements of int2 arrays; where one is None, so many elements are good.

    `NO_QUALITY` stands for a NULL.
    """
    if all(each is None for each in arrays):
        return np.zeros(int(counts.sum()), np.int16)
    parts = [
        np.zeros(int(count), np.int16) if array is None else _padded(_elements([array], ">i2", NO_QUALITY), count)
        for array, count in zip(arrays, counts, strict=True)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def padded_values(arrays: Sequence[bytes], counts: NDArray[np.int64]) -> Float:
    """Return the elements of float8 arrays, each filled up with NaN to so many."""
    if np.array_equal(lengths(arrays), counts):
        return values(arrays)
    parts = []
    for array, count in zip(arrays, counts, strict=True):
        found = values([array])[: int(count)]
        parts.append(np.concatenate([found, np.full(int(count) - found.size, np.nan)]))
    return np.concatenate(parts) if parts else np.zeros(0)


def _padded(found: NDArray[np.int16], count: int) -> NDArray[np.int16]:
    missing = int(count) - found.size
    return found[: int(count)] if missing <= 0 else np.concatenate([found, np.zeros(missing, np.int16)])


def _length(array: bytes) -> int:
    return 0 if len(array) < _HEADER_BYTES else int.from_bytes(array[12:16], "big")


def _elements(arrays: Sequence[bytes], code: str, null: float) -> NDArray[Any]:
    """Return the elements of arrays, those without NULLs by the shape that many of them share."""
    size = _SIZES[code]
    counts = lengths(arrays)
    bytes_each = np.fromiter(map(len, arrays), np.int64, len(arrays))
    plain = (bytes_each == _HEADER_BYTES + counts * (4 + size)) & (counts > 0)
    ends = np.cumsum(counts)
    found = np.empty(int(ends[-1]) if len(arrays) else 0, np.dtype(code).newbyteorder("="))
    for at in np.flatnonzero(~plain & (counts > 0)).tolist():
        found[ends[at] - counts[at] : ends[at]] = _with_nulls(arrays[at], int(counts[at]), code, null)
    for count in np.unique(counts[plain]).tolist():
        places = np.flatnonzero(plain & (counts == count))
        joined = b"".join(arrays if places.size == len(arrays) else [arrays[at] for at in places.tolist()])
        element = np.dtype([("length", ">i4"), ("element", code)])
        rows = np.frombuffer(joined, np.dtype([("header", f"V{_HEADER_BYTES}"), ("elements", element, (count,))]))
        if places.size == len(arrays):
            return rows["elements"]["element"].astype(found.dtype).ravel()
        found[(ends[places] - count)[:, None] + np.arange(count)] = rows["elements"]["element"]
    return found


def _one_size(arrays: Sequence[bytes]) -> int | None:
    """Return of how many bytes all of them are; None where that differs, or there is none."""
    sizes = set(map(len, arrays))
    return sizes.pop() if len(sizes) == 1 else None


def _with_nulls(array: bytes, count: int, code: str, null: float) -> list[float]:
    element, size = _ELEMENTS[code], _SIZES[code]
    found: list[float] = []
    at = _HEADER_BYTES
    for _ in range(count):
        (length,) = _LENGTH.unpack_from(array, at)
        at += 4
        if length < 0:
            found.append(null)
        else:
            found.append(element.unpack_from(array, at)[0])
            at += size
    return found
