"""The reject file: what was not taken, where it stood, and what was expected."""

import csv
import io
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

from siloscope_store.exchange.cells import harmless
from siloscope_store.exchange.errors import FileWrong, NotOurs
from siloscope_store.exchange.readings import Refused

HEADER = ("import", "line", "column", "found", "expected")
_LONGEST = 2_000
_NAME_BYTES = 8


class Rejects:
    """Appends to a reject file, which is made with its first line.

    Each line begins with a name of the import that it is of. So a file is known to be this import's before anything is
    cut off it, also where the run that made it was killed before it could note that.

    Args:
        path: Where it is.
        fingerprint: Of the import.
        length: How long it was when the last transaction committed; what follows came of one that did not.

    Raises:
        NotOurs: There is something else. Nothing of it is touched.
        FileWrong: There is less than that; the same.
    """

    def __init__(self, path: Path, fingerprint: bytes, length: int) -> None:
        self.path = path
        self.length = length
        self._name = fingerprint[:_NAME_BYTES].hex()
        begins = f"{','.join(HEADER)}\n{self._name},".encode()
        try:
            found, size = b"", 0
            if path.exists():
                with path.open("rb") as opened:
                    found, size = opened.read(len(begins)), path.stat().st_size
            if not begins.startswith(found):  # a part of it is what a power cut left, and holds no refused line
                expected = "no file or this import's own; move it, or name another with --rejects"
                raise NotOurs(str(path), f"{size} bytes that this import did not write", expected)
            if size < length:
                expected = f"the {length} that this import wrote; put them back, or begin anew with --again"
                raise FileWrong(str(path), f"{size} bytes", expected)
            if size > length:
                os.truncate(path, length)
        except OSError as error:
            raise self._unwritable(error) from error

    @classmethod
    def beside(cls, file: Path, fingerprint: bytes, length: int) -> Self:
        """Return those of a file that nobody named another place for: FILE.rejects.csv.

        Where that holds what another import refused, as of a file before it was mended, FILE.rejects-2.csv, and so on.
        """
        number = 1
        while True:
            ending = f"-{number}" if number > 1 else ""
            with suppress(NotOurs):
                return cls(Path(f"{file}.rejects{ending}.csv"), fingerprint, length)
            number += 1

    def append(self, refused: Iterable[Refused]) -> None:
        """Add lines, on the disk when this returns.

        Raises:
            FileWrong: It cannot be written, or something else writes to it.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if self.length == 0:
            writer.writerow(HEADER)
        for each in refused:
            writer.writerow([self._name, each.line, *(harmless(str(cell)[:_LONGEST]) for cell in each[1:])])
        try:
            with self.path.open("ab") as opened:
                if opened.tell() != self.length:
                    raise FileWrong(str(self.path), f"{opened.tell()} bytes", f"the {self.length} of this import alone")
                opened.write(text.getvalue().encode())
                opened.flush()
                os.fsync(opened.fileno())
                self.length = opened.tell()
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> FileWrong:
        return FileWrong(str(self.path), error.strerror or "nothing", "a file that can be written")
