"""What every reader of a file yields: readings with the names that the file gave them, and what could not be read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from siloscope_contract.quality import BY_REASON, CODES, FIRST_BAD

MISSING = frozenset({"", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "None", "-"})
"""Texts that stand for no value unless a file says otherwise."""


class Key(NamedTuple):
    """Whose value it is, as the file spells it; None = the file does not say."""

    node: str | None
    device: str
    channel: str
    unit: str | None = None
    quantity: str | None = None
    group: str | None = None
    retention_class: str | None = None


class Reading(NamedTuple):
    """One value of one channel at one instant; `value` None with a bad `code` says that the read failed."""

    key: Key
    time_ms: int
    value: float | None
    code: int
    line: int


class Refused(NamedTuple):
    """A record, or a value of one, that is not taken."""

    line: int
    column: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.column}: found {self.found[:80]!r}, expected {self.expected}"


@dataclass
class Block:
    """Part of a file.

    Attributes:
        position: Where reading goes on behind this block: bytes of text, rows of Parquet.
        line: The last line (or row) of it, counted from 1.
        missing: Values that the file marks as absent.
        done: Bytes of the file that are read, for the progress bar.
    """

    position: int = 0
    line: int = 0
    missing: int = 0
    done: int = 0
    readings: list[Reading] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


class FileReader(Protocol):
    """Reads a file block by block, from a position that an earlier block named."""

    @property
    def size(self) -> int:
        """Bytes of the file as it lies there."""
        ...

    def blocks(self, position: int, line: int) -> Iterator[Block]:
        """Yield blocks; 0, 0 is the beginning of the file."""
        ...


_GRADES = {"good": 0, "uncertain": 100, "bad": 200}


def code_of(text: str) -> int:
    """Return the quality code that a text means: a code, a reason or a grade; empty is good.

    Raises:
        ValueError: It is none of them.
    """
    text = text.strip().lower()
    if not text:
        return 0
    if text in _GRADES:
        return _GRADES[text]
    if text in BY_REASON:
        return int(BY_REASON[text])
    if text.isdecimal() and int(text) in CODES:
        return int(text)
    raise ValueError(text)


EXPECTED_QUALITY = "a quality code or reason such as 0, good or comm_failure"


def number_of(text: str) -> float:
    """Return a value: a finite number, or true and false as 1 and 0.

    Raises:
        ValueError: It is neither.
    """
    try:
        value = float(text)
    except ValueError:
        lowered = text.strip().lower()
        if lowered in ("true", "false"):
            return float(lowered == "true")
        raise
    if value - value != 0.0 or "_" in text:  # infinities and NaN differ from themselves by NaN
        raise ValueError(text)
    return value


def failed(code: int) -> bool:
    """Say whether a quality means that there is no value."""
    return code >= FIRST_BAD
