"""What a synthetic node leaves behind for the auditor: what its instruments said, and every pack that it ever spooled.

Both are files that are only appended to, one line at a time: a SIGKILL of the writer takes nothing of them back.
"""

import base64
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

PRODUCED, SPOOLED, SENT = "produced", "spooled", "sent"
"""Names of the files: reads of instruments, packs in the spool, packs that somebody sent who has no spool."""

SPOOL_FILE = "spool.sqlite3"
SEQ_BITS = 40
PackId = tuple[str, int]
"""Epoch and number."""


class Produced(NamedTuple):
    """One read of an instrument.

    Attributes:
        device: Which.
        time_ms: The time that the sample bears.
        life: Which life of the reader.
        part: Which part of the instrument's channels.
        at_ms: When it really was.
    """

    device: str
    time_ms: int
    life: int
    part: int
    at_ms: int


class Lines:
    """A file that JSON lines are appended to."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            os.write(self._descriptor, b"\n")

    def add(self, rows: Iterable[object]) -> None:
        """Append rows."""
        text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
        os.write(self._descriptor, text.encode())


def read_lines(file: Path) -> Iterator[list[object]]:
    """Yield the rows of a file; half a line, as a killed writer may leave one, is none."""
    if not file.exists():
        return
    with file.open("rb") as lines:
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                continue


def read_produced(file: Path) -> Iterator[Produced]:
    """Yield what the instruments said."""
    for row in read_lines(file):
        yield Produced(*row)  # type: ignore[arg-type]  # written by `Lines` from a Produced


class SpoolLog:
    """Every pack that was ever in a spool, whatever became of the spool.

    Args:
        file: Of the log.
    """

    def __init__(self, file: Path) -> None:
        self._known = {id for id, _ in read_log(file)}
        self._followed_to = 0
        self._lines = Lines(file)

    def catch_up(self, spool: Path) -> None:
        """Note the packs of a spool that are not noted yet: nothing writes it now."""
        if spool.exists():
            self._note(read_spool(spool))

    def follow(self, spool: Path) -> None:
        """Note what was spooled since the last time, up to the first pack that has no date yet."""
        for row in takewhile(lambda row: row.dated, _rows(spool, self._followed_to, 1 << 62)):
            self._note([(row.id, row.payload)])
            self._followed_to = row.number + 1

    def note(self, spool: Path, first: int, end: int) -> None:
        """Note packs that were just committed to a spool."""
        self._note(read_spool(spool, first, end))

    def _note(self, packs: Iterable[tuple[PackId, bytes]]) -> None:
        new = [(id, payload) for id, payload in packs if id not in self._known]
        self._lines.add([*id, base64.b64encode(payload).decode()] for id, payload in new)
        self._known.update(id for id, _ in new)


def note_spool(records: Path, directory: Path) -> None:
    """Note the packs of an agent's spool that are not noted yet, as it does not note them itself."""
    records.mkdir(parents=True, exist_ok=True)
    SpoolLog(records / SPOOLED).catch_up(directory / SPOOL_FILE)


def read_log(file: Path) -> Iterator[tuple[PackId, bytes]]:
    """Yield the packs of a log."""
    for epoch, seq, payload in read_lines(file):
        yield (str(epoch), int(str(seq))), base64.b64decode(str(payload))


def read_spool(file: Path, first: int = 0, end: int = 1 << 62) -> list[tuple[PackId, bytes]]:
    """Return the packs of a spool's file, read without any of our code; what has no date yet is not what it will be."""
    return [(row.id, row.payload) for row in _rows(file, first, end) if row.dated]


class _Row(NamedTuple):
    number: int
    id: PackId
    payload: bytes
    dated: bool


def _rows(file: Path, first: int, end: int) -> list[_Row]:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)
    try:
        epochs = dict(connection.execute("SELECT ordinal, epoch FROM epoch"))
        rows = connection.execute(
            "SELECT number, payload, dated FROM pack WHERE number >= ? AND number < ? ORDER BY number", (first, end)
        ).fetchall()
    finally:
        connection.close()
    return [
        _Row(number, (epochs[number >> SEQ_BITS], number & ((1 << SEQ_BITS) - 1)), payload, dated != 0)
        for number, payload, dated in rows
    ]
