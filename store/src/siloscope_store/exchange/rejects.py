"""The reject file: what was not taken, where it stood, and what was expected."""

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path

from siloscope_store.exchange.cells import harmless
from siloscope_store.exchange.errors import FileWrong
from siloscope_store.exchange.readings import Refused

HEADER = ("line", "column", "found", "expected")
_LONGEST = 2_000


class Rejects:
    """Appends to a reject file, which is made with its first line.

    Args:
        path: Where it is.
        length: How long it was when the last transaction committed; what follows came of one that did not.
    """

    def __init__(self, path: Path, length: int) -> None:
        self.path = path
        self.length = length
        try:
            if path.exists() and path.stat().st_size > length:
                with path.open("rb") as opened:
                    begin = opened.readline(_LONGEST).decode("utf-8", "replace").strip()
                if begin and begin != ",".join(HEADER):
                    raise FileWrong(str(path), "a file of something else", "a reject file, or none")
                os.truncate(path, length)
            self.length = path.stat().st_size if path.exists() else 0
        except OSError as error:
            raise FileWrong(str(path), error.strerror or "nothing", "a file that can be written") from error

    def append(self, refused: Iterable[Refused]) -> None:
        """Add lines, on the disk when this returns."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if self.length == 0:
            writer.writerow(HEADER)
        for each in refused:
            writer.writerow([each.line, *(harmless(str(cell)[:_LONGEST]) for cell in each[1:])])
        try:
            with self.path.open("ab") as opened:
                opened.write(text.getvalue().encode())
                opened.flush()
                os.fsync(opened.fileno())
                self.length = opened.tell()
        except OSError as error:
            raise FileWrong(str(self.path), error.strerror or "nothing", "a file that can be written") from error
