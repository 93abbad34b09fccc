"""Rows of a sample table in PostgreSQL's binary COPY format, built without an object per reading.

A row is `(group_id int4, time timestamptz, values float8[], quality int2[])`. Rows of a table sort as bytes: by group,
then by time (times before 2000 last). Every writer must touch rows in that one order: unsorted writers deadlock.

Source:
    PostgreSQL documentation, COPY, "Binary Format"; array_send and range_send in the server's sources.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from struct import Struct, calcsize
from types import MappingProxyType
from typing import NamedTuple

COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
COPY_TRAILER = b"\xff\xff"

MS_UNTIL_2000 = 946_684_800_000
"""PostgreSQL counts from 2000-01-01 UTC, in microseconds."""

_FLOAT8, _INT2, _TIMESTAMPTZ = 701, 21, 1184
_NULL = b"\xff\xff\xff\xff"
_ARRAY_HEADER_BYTES = 20
_ROW_HEAD = Struct(">hiiiq")  # field count, then two fields with their lengths: group_id, time
_ARRAY_HEAD = Struct(">iiiIii")  # field length, dimensions, has NULLs, element type, length, lower bound
_FLOAT_ELEMENT = Struct(">id")
_INT2_ELEMENT = Struct(">ih")
_TIME_ELEMENT = Struct(">iq")
_FIVE_FIELDS = b"\x00\x05"
_CAME = (b"\x00\x00\x00\x02\x00\x01", b"\x00\x00\x00\x02\x00\x02")
"""One sample came, or several."""
_TIME = slice(10, 22)
_ARRAYS_AT = 22

Values = Sequence[float | None]
Codes = Sequence[int | None]


class SampleRow(NamedTuple):
    """A decoded row; `quality` None says that every value that is there is good."""

    group_id: int
    time_ms: int
    values: list[float | None]
    quality: list[int | None] | None


class PlainLayout:
    """Encodes rows of one group whose values are all there and good, which nearly all are.

    Args:
        group_id: The group.
        length: How many positions a row fills.
    """

    __slots__ = ("_group_id", "_pack", "_template")

    def __init__(self, group_id: int, length: int) -> None:
        self._group_id = group_id
        self._pack = _plain_struct(length).pack
        self._template = _plain_arguments(length)

    def encode(self, time_ms: int, values: Sequence[float]) -> bytes:
        """Return the row; `values` in order of position, as many as the layout's length."""
        arguments = [*self._template]
        arguments[2] = self._group_id
        arguments[4] = (time_ms - MS_UNTIL_2000) * 1000
        arguments[12:-1:2] = values
        return self._pack(*arguments)


@lru_cache(maxsize=512)
def _plain_arguments(length: int) -> tuple[float, ...]:
    """Return what the struct of so many values is packed from, but for group, time and values."""
    array_bytes = _ARRAY_HEADER_BYTES + length * _FLOAT_ELEMENT.size
    return (4, 4, 0, 8, 0, array_bytes, 1, 0, _FLOAT8, length, 1, *(8, 0.0) * length, -1)


@lru_cache(maxsize=512)
def _plain_struct(length: int) -> Struct:
    return Struct(">hiiiqiiiIii" + "id" * length + "i")


def encode(group_id: int, time_ms: int, values: Values, quality: Codes | None) -> bytes:
    """Return any row; `quality` is None where every value that is there is good."""
    head = _ROW_HEAD.pack(4, 4, group_id, 8, (time_ms - MS_UNTIL_2000) * 1000)
    return head + float_array(values) + (_NULL if quality is None else int2_array(quality))


def encode_exact(group_id: int, time_us: int, values: Values, quality: Codes | None) -> bytes:
    """Return any row, its time in microseconds: for one that was not written by ingest."""
    head = _ROW_HEAD.pack(4, 4, group_id, 8, time_us - MS_UNTIL_2000 * 1000)
    return head + float_array(values) + (_NULL if quality is None else int2_array(quality))


def decode(row: bytes) -> SampleRow:
    """Return what a row says; the inverse of `encode`."""
    _, _, group_id, _, time_us = _ROW_HEAD.unpack_from(row)
    values, at = _read_array(row, _ARRAYS_AT, _FLOAT_ELEMENT)
    quality, _ = _read_array(row, at, _INT2_ELEMENT)
    codes = None if quality is None else [None if code is None else int(code) for code in quality]
    return SampleRow(group_id, time_us // 1000 + MS_UNTIL_2000, values or [], codes)


def blank(row: bytes) -> tuple[bytes, list[int | None]]:
    """Return a row without group, time and values, and where in it the eight bytes of each value stand.

    A value that is NULL stands nowhere.
    """
    sample = decode(row)
    places: list[int | None] = []
    at = _ARRAYS_AT + _ARRAY_HEAD.size
    for value in sample.values:
        places.append(None if value is None else at + 4)
        at += 4 if value is None else _FLOAT_ELEMENT.size
    values = [None if value is None else 0.0 for value in sample.values]
    return encode(0, MS_UNTIL_2000, values, sample.quality), places


def latest_row(group_id: int, times_ms: Codes, values: Values, quality: Codes | None, *, several: bool = True) -> bytes:
    """Return a row of `latest` whose elements may be of different times; `several`: it may be made of many samples."""
    head = Struct(">hii").pack(5, 4, group_id)
    arrays = time_array(times_ms) + float_array(values) + (_NULL if quality is None else int2_array(quality))
    return head + arrays + _CAME[several]


def incoming(rows: Iterable[bytes], newest: Mapping[bytes, bool] = MappingProxyType({})) -> list[bytes]:
    """Return rows as `samples.write` takes them: each with how `latest` is to count it, if at all.

    Args:
        rows: Of samples.
        newest: Which of them `latest` is to take, as the newest of their whole groups, and whether they are not the
            only ones that came of it.
    """
    return [_FIVE_FIELDS + row[2:] + (_CAME[newest[row]] if row in newest else _NULL) for row in rows]


def float_array(values: Values) -> bytes:
    """Return a float8[] field."""
    return _array(_FLOAT8, [_NULL if each is None else _FLOAT_ELEMENT.pack(8, each) for each in values])


def int2_array(codes: Codes) -> bytes:
    """Return an int2[] field."""
    return _array(_INT2, [_NULL if each is None else _INT2_ELEMENT.pack(2, each) for each in codes])


def time_array(times_ms: Codes) -> bytes:
    """Return a timestamptz[] field."""
    elements = [_NULL if each is None else _TIME_ELEMENT.pack(8, (each - MS_UNTIL_2000) * 1000) for each in times_ms]
    return _array(_TIMESTAMPTZ, elements)


def multirange(ranges: Sequence[tuple[int, int]]) -> bytes:
    """Return an int8multirange field of half-open [first, end) ranges."""
    if len(ranges) == 1:
        return _ONE_RANGE.pack(33, 1, 25, _LOWER_INCLUSIVE, 8, ranges[0][0], 8, ranges[0][1])
    body = b"".join(_RANGE.pack(25, _LOWER_INCLUSIVE, 8, first, 8, end) for first, end in ranges)
    return Struct(">ii").pack(4 + len(body), len(ranges)) + body


_RANGE = Struct(">ibiqiq")
_ONE_RANGE = Struct(">iiibiqiq")
_LOWER_INCLUSIVE = 2


def _array(element_type: int, elements: list[bytes]) -> bytes:
    body = b"".join(elements)
    has_nulls = int(_NULL in elements)
    return _ARRAY_HEAD.pack(_ARRAY_HEADER_BYTES + len(body), 1, has_nulls, element_type, len(elements), 1) + body


def _read_array(row: bytes, at: int, element: Struct) -> tuple[list[float | None] | None, int]:
    size = int.from_bytes(row[at : at + 4], "big", signed=True)
    if size < 0:
        return None, at + 4
    length = int.from_bytes(row[at + 16 : at + 20], "big")
    start = at + _ARRAY_HEAD.size
    values: list[float | None] = []
    for _ in range(length):
        if row[start : start + 4] == _NULL:
            values.append(None)
            start += 4
        else:
            values.append(element.unpack_from(row, start)[1])
            start += element.size
    return values, start


assert calcsize(">iiiIii") == _ARRAY_HEADER_BYTES + 4
