"""An export to a file that goes on where it was killed.

While it runs there are `FILE.part` (CSV) or `FILE.part-0001.parquet` and on, and `FILE.progress`, which says how far
they hold whole pages. What was written behind that is cut off at the next start. FILE itself appears when all is there;
a workbook's sheets lie in `FILE.part-sheets` until then.
"""

import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow.parquet as pq

from siloscope_process.clock import Clock
from siloscope_store import exports
from siloscope_store.exchange.errors import FileWrong
from siloscope_store.exchange.rows_out import CsvRows, Told, arrow_schema, arrow_table, columns, lacking
from siloscope_store.exchange.workbook import Workbook
from siloscope_store.exports import ExportedChannel, Lent, LetGo, Page, Place, Selection

Form = Literal["csv", "parquet", "xlsx"]
ROWS_A_PART = 1_000_000
_SAVE_EVERY_S = 2.0
_DAYS = "from midnight to midnight of the site"  # older versions noted midnights of UTC


@dataclass
class Reached:
    """What is safely written.

    Attributes:
        order: Of which export.
        ends: Its end, where the command did not say one.
        group_id: And `time`: behind what the next page begins; None = nothing is written yet.
        size: Bytes of the CSV part.
        parts: Whole Parquet parts.
        rows: Rows in them.
    """

    order: str
    ends: str
    group_id: int | None = None
    time: str | None = None
    size: int = 0
    parts: int = 0
    rows: int = 0

    @property
    def place(self) -> Place | None:
        """Where it goes on."""
        if self.group_id is None or self.time is None:
            return None
        return Place(self.group_id, datetime.fromisoformat(self.time))


class Parts(Protocol):
    """Takes pages and keeps what is whole."""

    def write(self, page: Page) -> None:
        """Add a page."""
        ...

    def save(self, reached: Reached, *, last: bool) -> bool:
        """Make what was written safe and note it; False where it is not worth it yet."""
        ...

    def finish(self, told: Told, let_go: Sequence[LetGo]) -> None:
        """Make the file of it; where its form has a place for that, it says what is no longer kept."""
        ...

    def close(self) -> None:
        """Let go of what is open; it may be whole or not."""
        ...


class CsvParts:
    """One growing CSV file.

    Args:
        path: The file that it becomes.
        rows: Writes rows.
        reached: What is there already.
        clock: Saves are some time apart.
    """

    def __init__(self, path: Path, rows: CsvRows, reached: Reached, clock: Clock) -> None:
        self._path = path
        self._part = Path(f"{path}.part")
        self._rows = rows
        self._clock = clock
        self._saved_s = clock.monotonic_s()
        self._part.touch()
        os.truncate(self._part, reached.size)
        self._opened = self._part.open("ab")
        if reached.size == 0:
            self._opened.write(rows.header())

    def write(self, page: Page) -> None:
        self._opened.write(self._rows.encode(page.rows))

    def save(self, reached: Reached, *, last: bool) -> bool:
        if not last and self._clock.monotonic_s() - self._saved_s < _SAVE_EVERY_S:
            return False
        self._saved_s = self._clock.monotonic_s()
        self._opened.flush()
        os.fsync(self._opened.fileno())
        reached.size = self._opened.tell()
        return True

    def finish(self, told: Told, let_go: Sequence[LetGo]) -> None:
        self._opened.close()
        self._part.replace(self._path)

    def close(self) -> None:
        self._opened.close()


class ParquetParts:
    """Parquet files of about a million rows; a page is a row group.

    Args:
        path: The file that they become.
        form: parquet or xlsx.
        wanted: What is exported.
        local: Whether there is a column for the site's own time.
        reached: What is there already.
    """

    def __init__(self, path: Path, form: Form, wanted: Selection, reached: Reached, *, local: bool) -> None:
        self._path = path
        self._form = form
        self._level = wanted.level
        self._local = local
        self._schema = arrow_schema(wanted.level, local=local)
        self._writer: Any = None
        self._parts = reached.parts
        self._rows = 0

    def write(self, page: Page) -> None:
        if self._writer is None:
            self._rows = 0
            self._writer = pq.ParquetWriter(
                _part(self._path, self._parts + 1), self._schema, compression="zstd", write_page_checksum=True
            )
        self._writer.write_table(arrow_table(page.rows, self._level, local=self._local))
        self._rows += len(page.rows)

    def save(self, reached: Reached, *, last: bool) -> bool:
        if self._writer is None or (not last and self._rows < ROWS_A_PART):
            return False
        self._writer.close()
        self._writer = None
        self._parts += 1
        reached.parts = self._parts
        return True

    def finish(self, told: Told, let_go: Sequence[LetGo]) -> None:
        made = Path(f"{self._path}.making")
        if self._form == "xlsx":
            self._to_workbook(made, told, let_go)
        else:
            self._to_one(made, told, let_go)
        made.replace(self._path)
        for number in range(1, self._parts + 2):
            _part(self._path, number).unlink(missing_ok=True)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _to_one(self, made: Path, told: Told, let_go: Sequence[LetGo]) -> None:
        rows = 0
        with pq.ParquetWriter(made, self._schema, compression="zstd", write_page_checksum=True) as writer:
            writer.add_key_value_metadata(lacking(let_go))
            for number in range(1, self._parts + 1):
                with pq.ParquetFile(_part(self._path, number)) as part:
                    for group in range(part.num_row_groups):
                        table = part.read_row_group(group).cast(self._schema)
                        writer.write_table(table)
                        told(number, rows := rows + table.num_rows)

    def _to_workbook(self, made: Path, told: Told, let_go: Sequence[LetGo]) -> None:
        # What another start left there, each sheet as XML, is many times as large as the file.
        scratch = Path(f"{self._path}.part-sheets")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        book, rows = Workbook(made, columns(self._level, local=self._local), scratch=scratch), 0
        for number in range(1, self._parts + 1):
            with pq.ParquetFile(_part(self._path, number)) as part:
                for group in range(part.num_row_groups):
                    table = part.read_row_group(group)
                    book.write(table)
                    told(number, rows := rows + table.num_rows)
        book.close(let_go)
        shutil.rmtree(scratch)


def _part(path: Path, number: int) -> Path:
    return Path(f"{path}.part-{number:04}.parquet")


def order_of(wanted: Selection, form: Form, *, local: bool, ends: str | None) -> str:
    """Return what tells one export from another; the end only where the command said one.

    A version with other columns does not go on with what an older one began, nor one that counts days otherwise.
    """
    said = {name: str(value) for name, value in vars(wanted).items() if name != "ends"}
    names = columns(wanted.level, local=local)
    if wanted.level == "day":
        said["days"] = _DAYS
    return sha256(json.dumps([said, form, local, ends, names], sort_keys=True).encode()).hexdigest()


def begun(path: Path, order: str) -> Reached | None:
    """Return how far an export to this file is; None where there is none, or it was another one."""
    try:
        reached = Reached(**json.loads(Path(f"{path}.progress").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return reached if reached.order == order and _is_there(path, reached) else None


def _is_there(path: Path, reached: Reached) -> bool:
    """Say whether the parts hold what is noted: they are gone where somebody killed us between the last two steps."""
    try:
        return Path(f"{path}.part").stat().st_size >= reached.size if reached.size else _has_parts(path, reached)
    except OSError:
        return False


def _has_parts(path: Path, reached: Reached) -> bool:
    return all(_part(path, number).exists() for number in range(1, reached.parts + 1))


async def export(
    path: Path,
    parts: Parts,
    lent: Lent,
    wanted: Selection,
    chosen: Sequence[ExportedChannel],
    reached: Reached,
    told: Told,
) -> tuple[int, list[LetGo]]:
    """Write what channels hold behind what is written already; return the number of rows, and what is no longer kept.

    Raises:
        FileWrong: The file cannot be written.
    """
    groups = list(dict.fromkeys(channel.group_id for channel in chosen))
    rows = reached.rows
    try:
        async for page in exports.pages(lent, wanted, chosen, reached.place):
            parts.write(page)
            rows += len(page.rows)
            if parts.save(reached, last=False):
                _note(path, reached, page.reached, rows)
            told(groups.index(page.reached.group_id), rows)
        parts.save(reached, last=True)
        reached.rows = rows
        async with lent() as connection:
            let_go = await exports.let_go(connection, wanted, chosen)
        parts.finish(lambda _, done: told(len(groups), done), let_go)
        _forget(path)
    except OSError as error:
        raise FileWrong(str(path), error.strerror or str(error), "room and a folder that can be written") from error
    finally:
        parts.close()
    return rows, let_go


def note_begin(path: Path, reached: Reached) -> None:
    """Note that an export to this file begins.

    Raises:
        FileWrong: The file cannot be written.
    """
    try:
        Path(f"{path}.progress").write_text(json.dumps(asdict(reached)), "utf-8")
    except OSError as error:
        raise FileWrong(str(path), error.strerror or str(error), "room and a folder that can be written") from error


def _forget(path: Path) -> None:
    with suppress(FileNotFoundError):
        Path(f"{path}.progress").unlink()


def _note(path: Path, reached: Reached, place: Place, rows: int) -> None:
    reached.group_id, reached.time, reached.rows = place.group_id, place.time.isoformat(), rows
    fresh = Path(f"{path}.progress.new")
    with fresh.open("w") as opened:
        json.dump(asdict(reached), opened)
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(f"{path}.progress")
