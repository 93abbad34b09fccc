"""A document of samples, recipes that it fits, and the rows that it becomes."""

import struct
from typing import Any

import siloscope_native as native

EVER = -(2**63), 2**63 - 1
ROW = bytes(22) + b"head" + bytes(8) + b"gap " + bytes(8)
PLACES = (0, 26, -1e9, 1e9, 1.0, 1.0, 0.0), (0, 38, -1e9, 1e9, 1.0, 1.0, 0.0)
PIECES = b'"n":"a","u":"Cel","v":', b'},{"n":"b","v":', b',"q":103'
EPOCH = "0123456789abcdef" * 2
DOCUMENT = (
    f'[{{"bn":"d/","bt":1790000000.25,"epoch":"{EPOCH}","seq":7,"n":"a","u":"Cel","v":1.5}},'
    '{"n":"b","v":-2.5e2,"q":103}]'
).encode()
SEVERAL = DOCUMENT[:-2] + b"},{" + b'"bt":1790000001,' + DOCUMENT[DOCUMENT.index(b'"n":"a"') :]


def form(*arguments: object) -> Any:
    """Make one without regard to types."""
    return native.Form(*arguments)  # type: ignore[arg-type]


def recipe(*arguments: object) -> Any:
    """Make one without regard to types."""
    return native.Recipe(*arguments)  # type: ignore[arg-type]


def read(*arguments: object) -> Any:
    """Call it without regard to types."""
    return native.read(*arguments)  # type: ignore[arg-type]


def known(part: object = "part", device: str = "d") -> "dict[bytes, tuple[native.Recipe, ...]]":
    """Recipes that `DOCUMENT` fits."""
    return {b"d/": (recipe(form(PIECES, (ROW,), PLACES, 2), device, (part,), (9,)),)}


def row(time_ms: int, *values: float, group_id: int = 9) -> bytes:
    """The row that a sample becomes."""
    time_us = (time_ms - 946_684_800_000) * 1000
    head = bytes(6) + struct.pack(">i", group_id) + bytes(4) + struct.pack(">q", time_us)
    return head + b"head" + struct.pack(">d", values[0]) + b"gap " + struct.pack(">d", values[1])
