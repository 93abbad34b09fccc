"""The lines of a Vaisala weather transmitter: ``0r1,Dn=236D,…`` with a checksum of three characters.

Source: Vaisala WXT520 user's guide, ASCII protocol; the CRC is that of SDI-12.
"""

import re

from siloscope_contract.quality import Quality
from siloscope_edge.checksums import crc_sdi12
from siloscope_edge.errors import ReadFailed, Trouble

INVALID = "#"
"""Stands in place of the unit letter where the transmitter says that the value is none."""

# To the quantity's unit: multiply, then add.
_UNITS: dict[str, dict[str, tuple[float, float]]] = {
    "D": {"D": (1, 0)},
    "S": {"M": (1, 0), "K": (1 / 3.6, 0), "S": (0.44704, 0), "N": (1852 / 3600, 0)},
    "T": {"C": (1, 0), "F": (5 / 9, -160 / 9)},
    "U": {"P": (1, 0)},
    "P": {"H": (1, 0), "P": (0.01, 0), "B": (1000, 0), "M": (1.33322387415, 0), "I": (33.8638864, 0)},
    "R": {"M": (1, 0), "I": (25.4, 0), "s": (1, 0)},
    "H": {"M": (1, 0), "I": (0.15500031, 0), "H": (1, 0), "s": (1, 0)},
    "V": {"V": (1, 0), "N": (1, 0), "F": (1, 0), "W": (1, 0)},
}
_FIELD = re.compile(r"([A-Z][a-z])=(-?\d+(?:\.\d+)?)([A-Za-z#])")
_CRC_LENGTH = 3
_TEXT_FIELD = "Id="  # the transmitter's own name, in supervisor and composite messages


def command(address: str, query: str) -> bytes:
    """Return a query in its checked form.

    >>> command("0", "r1")
    b'0r1Goe\\r\\n'
    """
    text = f"{address}{query.lower()}"
    return f"{text}{crc_sdi12(text.encode())}\r\n".encode()


def fields(line: bytes, address: str, query: str) -> dict[str, float | None]:
    """Return the values of a line in contract units; None where the transmitter calls a value invalid.

    Raises:
        ReadFailed: The line is torn, answers something else, or its checksum is wrong; no part of it is used.
    """
    head = f"{address}{query.lower()}"
    begins = max(line.rfind(f"{head},".encode()), 0)  # what stands before it is noise
    try:
        text = line[begins:].decode("ascii").strip("\r\n")
    except UnicodeDecodeError:
        raise _refused(line, "not ASCII", Trouble.NOISE) from None
    body, check = text[:-_CRC_LENGTH], text[-_CRC_LENGTH:]
    if crc_sdi12(body.encode()) != check:
        detail = f"checksum {check!r}, calculated {crc_sdi12(body.encode())!r}"
        raise _refused(line, detail, Trouble.WRONG_CHECKSUM)
    said, *parts = body.split(",")
    if said != head:
        raise _refused(line, f"an answer to {said!r}, not to {head!r}")
    found: dict[str, float | None] = {}
    for part in parts:
        if part.startswith(_TEXT_FIELD):
            continue
        match = _FIELD.fullmatch(part)
        if match is None or match[1] in found:
            raise _refused(line, f"field {part!r}")
        found[match[1]] = _converted(match[1], float(match[2]), match[3], line)
    return found


def _converted(name: str, value: float, letter: str, line: bytes) -> float | None:
    if letter == INVALID:
        return None
    try:
        factor, offset = _UNITS[name[0]][letter]
    except KeyError:
        raise _refused(line, f"unit letter {letter!r} of {name}") from None
    return value * factor + offset


def _refused(line: bytes, why: str, trouble: Trouble = Trouble.WRONG_CONTENT) -> ReadFailed:
    return ReadFailed(Quality.INVALID_FRAME, f"line {line[:80]!r} refused: {why}", answered=True, trouble=trouble)
