"""Lines of a text file, plain or gzipped, in blocks of bounded size, from any position that was reached before."""

import gzip
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from siloscope_store.exchange.errors import FileWrong

BLOCK_BYTES = 1 << 20
LONGEST_LINE = 1 << 20
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True)
class Lines:
    """Consecutive lines without their ends; `first` is the number of the first, counted from 1."""

    first: int
    texts: list[str]
    position: int
    done: int


class TextFile:
    """A text file in UTF-8.

    Args:
        path: Where it is; what begins as gzip is unpacked on the way.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with path.open("rb") as opened:
                self._gzipped = opened.read(2) == _GZIP
            self.size = path.stat().st_size
        except OSError as error:
            raise FileWrong(str(path), error.strerror or "nothing", "a readable file") from error

    def first_line(self) -> str:
        """Return the first line, or nothing where the file is empty."""
        for lines in self.blocks(0, 0):
            return lines.texts[0]
        return ""

    def blocks(self, position: int, line: int) -> Iterator[Lines]:
        """Yield blocks of whole lines behind a position (of unpacked bytes) at the end of a line."""
        raw = self._path.open("rb")
        with closing(raw):
            opened = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if self._gzipped else raw
            try:
                opened.seek(position)
                while found := opened.readlines(BLOCK_BYTES):
                    position += sum(map(len, found))
                    texts = b"".join(found).decode("utf-8", errors="replace").split("\n")
                    if not texts[-1]:
                        texts.pop()
                    if line == 0:
                        texts[0] = texts[0].removeprefix(_BYTE_ORDER_MARK)
                    yield Lines(line + 1, texts, position, raw.tell())
                    line += len(texts)
            except (EOFError, gzip.BadGzipFile) as error:
                raise FileWrong(str(self._path), str(error), "a whole gzip file") from error
