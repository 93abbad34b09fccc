"""Lines of a text file, plain or gzipped, in blocks of bounded size, from any position that was reached before."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from siloscope_store.exchange.errors import FileWrong

BLOCK_BYTES = 1 << 20
LONGEST_LINE = 1 << 20
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = "\ufeff"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SHOWN_OF_LONG = 1_000


@dataclass(frozen=True)
class Lines:
    """Consecutive lines without their ends; `first` is the number of the first, counted from 1.

    `bad` says of lines that cannot be taken as they stand what was expected.
    """

    first: int
    texts: list[str]
    position: int
    done: int
    bad: dict[int, str] = field(default_factory=dict)


class TextFile:
    """A text file.

    Args:
        path: Where it is; what begins as gzip is unpacked on the way.
        encoding: Of its text; one in which ASCII is ASCII.
    """

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        self._path = path
        self._encoding = encoding
        try:
            with path.open("rb") as opened:
                self._gzipped = opened.read(2) == _GZIP
            self.size = path.stat().st_size
        except OSError as error:
            raise FileWrong(str(path), error.strerror or "nothing", "a readable file") from error

    def first_line(self) -> str:
        """Return the first line, or nothing where the file is empty.

        Raises:
            FileWrong: It cannot be read.
        """
        for lines in self.blocks(0, 0):
            place, text = f"{self._path}:1", lines.texts[0].rstrip("\r")
            if "\r" in text:
                raise FileWrong(place, "lines that end in CR alone", "lines that end in LF or CRLF")
            if 1 in lines.bad:
                raise FileWrong(place, f"bytes that are no {self._encoding}", lines.bad[1])
            return text
        return ""

    def blocks(self, position: int, line: int) -> Iterator[Lines]:
        """Yield blocks of whole lines behind a position (of unpacked bytes) at the end of a line."""
        raw = self._path.open("rb")
        with closing(raw):
            opened = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if self._gzipped else raw
            try:
                opened.seek(position)
                while found := opened.read(BLOCK_BYTES):
                    found, skipped = _to_the_end_of_a_line(found, opened)
                    position += len(found) + skipped
                    if line == 0 and found.startswith(_UTF_16):
                        raise FileWrong(f"{self._path}:1", "UTF-16", "UTF-8")
                    texts, bad = self._decoded(found, line + 1)
                    if line == 0:
                        texts[0] = texts[0].removeprefix(_BYTE_ORDER_MARK)
                    if skipped:
                        texts[-1] = texts[-1][:_SHOWN_OF_LONG]
                        bad[line + len(texts)] = f"a line of less than {LONGEST_LINE >> 20} MiB"
                    yield Lines(line + 1, texts, position, raw.tell(), bad)
                    line += len(texts)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise FileWrong(str(self._path), str(error), "a whole gzip file") from error
            except OSError as error:
                raise FileWrong(str(self._path), error.strerror or str(error), "a readable file") from error

    def _decoded(self, found: bytes, first: int) -> tuple[list[str], dict[int, str]]:
        bad: dict[int, str] = {}
        try:
            texts = found.decode(self._encoding).split("\n")
        except UnicodeDecodeError:
            texts = found.decode(self._encoding, errors="replace").split("\n")
            expected = f"{self._encoding}; --encoding, such as cp1252, says what else it is"
            bad = {number: expected for number, text in enumerate(texts, first) if "\ufffd" in text}
        if not texts[-1]:
            texts.pop()
        return texts, bad


def _to_the_end_of_a_line(found: bytes, opened: IO[bytes]) -> tuple[bytes, int]:
    """Return a block up to the end of its last line, and how many bytes of that line were too many to be kept."""
    if found.endswith(b"\n"):
        return found, 0
    rest = opened.readline(LONGEST_LINE)
    skipped = 0
    if len(rest) == LONGEST_LINE and not rest.endswith(b"\n"):
        while piece := opened.readline(LONGEST_LINE):
            skipped += len(piece)
            if piece.endswith(b"\n"):
                break
    return found + rest, skipped
