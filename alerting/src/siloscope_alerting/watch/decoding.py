"""PostgreSQL's binary arrays as columns: an array of a thousand groups at a time, not a number at a time.

Source:
    array_send in the server's sources: dimensions, whether there are NULLs, element type, length, lower bound (each
    four bytes), then each element with its length before it; a NULL is a length of -1 and nothing else.
"""

from collections import defaultdict
from collections.abc import Sequence
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from siloscope_alerting.columns import Float, Int64

_HEADER_BYTES = 20
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
    return np.fromiter((_length(each) for each in arrays), np.int64, len(arrays))


def times_ms(arrays: Sequence[bytes]) -> Int64:
    """Return the elements of timestamptz arrays, one array after the other; NULL is `NEVER_MS`."""
    found = _elements(arrays, ">i8", int(NEVER_MS))
    return np.where(found == NEVER_MS, NEVER_MS, found // 1000 + _MS_UNTIL_2000)


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
    dtype = np.dtype([("length", ">i4"), ("element", code)])
    counts = lengths(arrays)
    ends = np.cumsum(counts)
    found = np.empty(int(ends[-1]) if len(arrays) else 0, np.dtype(code).newbyteorder("="))
    plain = defaultdict(list)
    for at, array in enumerate(arrays):
        count = int(counts[at])
        if len(array) == _HEADER_BYTES + count * (4 + size) and count:
            plain[count].append(at)
        elif count:
            found[ends[at] - count : ends[at]] = _with_nulls(array, count, code, null)
    for count, places in plain.items():
        joined = b"".join([arrays[at] for at in places])
        rows = np.frombuffer(joined, np.dtype([("header", f"V{_HEADER_BYTES}"), ("elements", dtype, (count,))]))
        where = (ends[places] - count)[:, None] + np.arange(count)
        found[where] = rows["elements"]["element"]
    return found


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
