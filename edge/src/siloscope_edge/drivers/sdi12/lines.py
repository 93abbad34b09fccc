"""What an SDI-12 sensor says: ``atttn`` to a measurement command, ``a+1.2-3.4`` to a data command. Pure.

Source: SDI-12 Support Group, SDI-12 specification 1.4, sections 4.4 and 4.4.12 (CRC).
"""

import re

from msgspec import Struct

from siloscope_contract.quality import Quality
from siloscope_edge.checksums import crc_sdi12
from siloscope_edge.errors import ReadFailed, Trouble

_STARTED = re.compile(r"(?P<address>[0-9A-Za-z])(?P<seconds>\d{3})(?P<values>\d{1,3})")
_VALUES = re.compile(r"(?:[+-](?:\d+(?:\.\d*)?|\.\d+))*")
_VALUE = re.compile(r"[+-][\d.]+")
_CRC_LENGTH = 3
_SHOWN_BYTES = 80


class Started(Struct, frozen=True):
    """A measurement that began: in how many seconds it will have how many values."""

    seconds: int
    values: int


def is_checked(command: str) -> bool:
    """Return whether the data behind a command carries a checksum.

    >>> is_checked("MC1"), is_checked("C"), is_checked("RC0")
    (True, False, True)
    """
    return command[1:2] == "C"


def started(line: bytes, address: str) -> Started:
    """Return what the answer to a measurement command says.

    Raises:
        ReadFailed: It is no such answer, or another sensor's.
    """
    text = _text(line)
    match = _STARTED.fullmatch(text)
    if match is None:
        raise refused(line, "no `atttn`")
    if match["address"] != address:
        raise refused(line, f"of sensor {match['address']!r}, not of {address!r}", Trouble.UNSOLICITED)
    return Started(int(match["seconds"]), int(match["values"]))


def values(line: bytes, address: str, *, checked: bool) -> list[float]:
    """Return the values of an answer to a data command.

    >>> values(b"0+3.14+2.718+1.414Ipz", "0", checked=True)
    [3.14, 2.718, 1.414]

    Raises:
        ReadFailed: The checksum is wrong, a value has no sign, or it is another sensor's; no part of it is used.
    """
    text = _text(line)
    if checked:
        text, given = text[:-_CRC_LENGTH], text[-_CRC_LENGTH:]
        if given != crc_sdi12(text.encode()):
            detail = f"checksum {given!r}, calculated {crc_sdi12(text.encode())!r}"
            raise refused(line, detail, Trouble.WRONG_CHECKSUM)
    if text[:1] != address:
        raise refused(line, f"of sensor {text[:1]!r}, not of {address!r}", Trouble.UNSOLICITED)
    if not _VALUES.fullmatch(text[1:]):
        raise refused(line, "values without a sign before each")
    return [float(each) for each in _VALUE.findall(text[1:])]


def refused(line: bytes, why: str, trouble: Trouble = Trouble.WRONG_CONTENT) -> ReadFailed:
    """Return the error for a line of which nothing is used."""
    detail = f"line {line[:_SHOWN_BYTES]!r} refused: {why}"
    return ReadFailed(Quality.INVALID_FRAME, detail, answered=True, trouble=trouble)


def _text(line: bytes) -> str:
    try:
        return line.decode("ascii").strip("\r\n")
    except UnicodeDecodeError:
        raise refused(line, "not ASCII", Trouble.NOISE) from None
