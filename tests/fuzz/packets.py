"""What a socket brought, cut into packets twice: by compiled code and without."""

from collections.abc import Callable
from typing import Any

import siloscope_native as native
from siloscope_ingest.frames import split_plainly


def answer(split: Callable[[Any, bool], object], data: object, is_mqtt5: bool) -> object:
    """Return what is found, or that it is refused."""
    try:
        return split(data, is_mqtt5)
    except ValueError:
        return ValueError


def check(data: bytes) -> None:
    """Cut something.

    Raises:
        AssertionError: The two ways disagree.
    """
    for is_mqtt5 in (False, True):
        assert answer(native.split, data, is_mqtt5) == answer(split_plainly, data, is_mqtt5), (data, is_mqtt5)
