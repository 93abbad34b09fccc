"""Keyset pagination: a page goes on behind the last id it gave, so rows that come and go between do not shift it."""

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from siloscope_store.errors import CursorMalformed

Item = TypeVar("Item")
_LARGEST_ID = 2**31 - 1


class PageOf(msgspec.Struct, Generic[Item], frozen=True):
    """Items, and the cursor of the next page; None on the last one."""

    items: list[Item]
    next_cursor: str | None


def position_of(cursor: str | None) -> int:
    """Return the id behind which a page begins.

    Raises:
        CursorMalformed: It was not given out here.

    >>> position_of(None), position_of("a7")
    (0, 7)
    """
    if cursor is None:
        return 0
    digits = cursor[1:]
    if cursor[:1] != "a" or not (digits.isascii() and digits.isdecimal()) or len(digits) > 10:
        raise CursorMalformed(cursor)
    if int(digits) > _LARGEST_ID:
        raise CursorMalformed(cursor)
    return int(digits)


def next_page(found: list[Item], limit: int, id_of: Callable[[Item], int]) -> PageOf[Item]:
    """Return a page of `limit` from one more row than that, whose presence says that there is a next page."""
    items = found[:limit]
    return PageOf(items, f"a{id_of(items[-1])}" if len(found) > limit else None)
