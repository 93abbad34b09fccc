"""What no database takes, or is too much, is refused before it is stored."""

import math
from typing import Any

import pytest

from siloscope_contract.errors import MalformedMessage
from siloscope_contract.storable import require_storable


def nested(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (math.nan, "Out of range"),
        (-math.inf, "Out of range"),
        ("a\0", "a NUL"),
        ("\ud800", "surrogates not allowed"),
        ({"\0": 1}, "a NUL"),
        ("x" * 1000, "bytes"),
        (nested(60), "too many levels"),
    ],
)
def test_what_cannot_be_stored_is_refused(value: object, found: str) -> None:
    with pytest.raises(MalformedMessage, match=found) as refused:
        require_storable({"a": value}, "document", 1000)
    assert refused.value.place == "document"


def test_what_can_be_stored_is_let_through() -> None:
    require_storable({"a": [1, 2.5, None, True, "ä\n", 2**70, nested(40)]}, "document", 1000)
