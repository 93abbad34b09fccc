"""What of plain data both a database and JSON can say."""

import json
from typing import Any

from siloscope_contract.errors import MalformedMessage

MOST_LEVELS = 50
"""What nests deeper is nothing that anybody means, and ends what reads it level by level."""


def require_storable(data: dict[str, Any], place: str, most_bytes: int) -> None:
    """Refuse plain data that a database would not take, or that is too much.

    Raises:
        MalformedMessage: At which place.
    """
    if not _is_shallow(data):
        raise MalformedMessage("malformed", place=place, found="too many levels", expected=f"at most {MOST_LEVELS}")
    try:
        text = json.dumps(data, allow_nan=False, ensure_ascii=False).encode()
    except ValueError as error:
        expected = "numbers and texts that JSON has: no NaN, nothing infinite, no half of a character"
        raise MalformedMessage("malformed", place=place, found=str(error), expected=expected) from error
    if b"\\u0000" in text:
        raise MalformedMessage("malformed", place=place, found="a NUL in a text", expected="none")
    if len(text) > most_bytes:
        found, expected = f"{len(text)} bytes", f"at most {most_bytes} bytes"
        raise MalformedMessage("too_large", place=place, found=found, expected=expected)


def _is_shallow(data: object) -> bool:
    level: list[object] = [data]
    for _ in range(MOST_LEVELS):
        nested = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [each for values in nested for each in values]
        if not level:
            return True
    return False
