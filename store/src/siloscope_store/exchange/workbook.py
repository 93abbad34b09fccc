"""XLSX: rows written as they come, a new sheet where one is full."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

from siloscope_store.exports import LetGo

MOST_ROWS = 1_048_575
"""Rows of an Excel sheet, without its header."""

_TIME, _DAY = "yyyy-mm-dd hh:mm:ss.000", "yyyy-mm-dd"


class Workbook:
    """An Excel workbook that holds no more than a row in memory.

    Args:
        path: Where it is written, when it is closed.
        names: Of the columns.
        most_rows: A sheet's; a further one takes what follows.
        scratch: Where its sheets lie until then; beside the file unless told.
    """

    def __init__(
        self, path: Path, names: Sequence[str], *, most_rows: int = MOST_ROWS, scratch: Path | None = None
    ) -> None:
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "remove_timezone": True,
            "tmpdir": str(scratch or path.parent),
            "use_zip64": True,  # where there is need, above 2 GiB: else closing fails, after hours
        }
        self._book = xlsxwriter.Workbook(str(path), options)
        self._time = self._book.add_format({"num_format": _TIME})
        self._day = self._book.add_format({"num_format": _DAY})
        self._bold = self._book.add_format({"bold": True})
        self._names = [{"time": "time (UTC)"}.get(name, name) for name in names]
        self._most_rows = most_rows
        self._sheet: Any = None
        self._row = 0
        self.sheets = 0

    def write(self, table: pa.Table) -> None:
        """Add the rows of a table."""
        self.write_rows(zip(*(column.to_pylist() for column in table.columns), strict=True))

    def write_rows(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows."""
        for cells in rows:
            if self._sheet is None or self._row > self._most_rows:
                self._open_sheet()
            self._write_row(cells)

    def close(self, let_go: Sequence[LetGo] = ()) -> None:
        """Write the file, with a sheet of what is no longer kept where anything is.

        Raises:
            OSError: It cannot be written.
        """
        if self._sheet is None:
            self._open_sheet()
        if let_go:
            self._open("let go", ("site", "retention class", "let go before (UTC)"))
            for each in let_go:
                self._write_row(each)
        try:
            self._book.close()
        except FileCreateError as error:  # an OSError as its text
            raise OSError(str(error)) from error

    def _write_row(self, cells: Sequence[Any]) -> None:
        for at, cell in enumerate(cells):
            self._write(at, cell)
        self._row += 1

    def _write(self, at: int, cell: object) -> None:
        sheet, row = self._sheet, self._row
        if cell is None:
            return
        if isinstance(cell, datetime):
            sheet.write_datetime(row, at, cell, self._time)
        elif isinstance(cell, date):
            sheet.write_datetime(row, at, cell, self._day)
        elif isinstance(cell, str):
            sheet.write_string(row, at, cell)
        else:
            sheet.write_number(row, at, cell)

    def _open_sheet(self) -> None:
        self.sheets += 1
        self._open("readings" if self.sheets == 1 else f"readings {self.sheets}", self._names)

    def _open(self, title: str, names: Sequence[str]) -> None:
        self._sheet = self._book.add_worksheet(title)
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(names) - 1, 16)
        for at, name in enumerate(names):
            self._sheet.write_string(0, at, name, self._bold)
        self._row = 1
