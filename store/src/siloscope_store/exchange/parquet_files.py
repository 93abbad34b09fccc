"""Parquet, long and wide, in the same words as CSV; read row group by row group."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from siloscope_store.exchange.errors import FileWrong
from siloscope_store.exchange.mapping import Mapping, WideColumn
from siloscope_store.exchange.readings import (
    EXPECTED_QUALITY,
    Block,
    Key,
    Reading,
    Refused,
    code_of,
    failed,
    number_of,
)
from siloscope_store.exchange.times import TimeReader, TimeUnreadable

BATCH_ROWS = 20_000
BATCH_CELLS = 200_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a local time until a zone is put to it
_TICKS_PER_MS = {"s": (1000, 1), "ms": (1, 1), "us": (1, 1_000), "ns": (1, 1_000_000)}


class ParquetFile:
    """A Parquet file.

    Args:
        path: The file.
        mapping: What its columns mean.
        times: How its times are meant, where they say no zone.

    Raises:
        FileWrong: It is no Parquet file, or lacks what is needed.
    """

    def __init__(self, path: Path, mapping: Mapping, times: TimeReader) -> None:
        self._path = path
        self._mapping = mapping
        self._times = times
        try:
            self._file = pq.ParquetFile(path, page_checksum_verification=True)
        except (OSError, pa.ArrowException) as error:
            raise FileWrong(str(path), str(error).splitlines()[0], "a readable Parquet file") from error
        self._names: list[str] = self._file.schema_arrow.names
        self.size = path.stat().st_size
        self._require(mapping.time)
        twice = next((name for name in self._names if self._names.count(name) > 1), None)
        if twice is not None:
            raise FileWrong(str(path), f"{self._names.count(twice)} columns {twice!r}", "one")
        wide = mapping.is_wide(self._names)
        self._wide = self._wide_columns() if wide else []
        if wide and not self._wide:
            raise FileWrong(str(path), self._shown(), f"columns of channels beside {mapping.time!r}")
        self._keys: dict[tuple[str | None, ...], Key] = {}
        if not wide:
            self._require(mapping.channel)
            self._require(mapping.value)
            if mapping.device_column not in self._names and mapping.device is None:
                raise FileWrong(
                    str(path), self._shown(), f"a column {mapping.device_column!r}, or --device for all rows"
                )

    def blocks(self, position: int, line: int) -> Iterator[Block]:
        """Yield what the file says; a position is a number of rows."""
        first, skip = self._group_of(position)
        row = position - skip
        for batch in self._batches(first):
            if skip >= batch.num_rows:
                skip -= batch.num_rows
                row += batch.num_rows
                continue
            rest = batch.slice(skip)
            row, skip = row + skip, 0
            block = self._block(rest, row)
            row += rest.num_rows
            yield block

    def _batches(self, first: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows from a row group on.

        Raises:
            FileWrong: The file is damaged.
        """
        groups = list(range(first, self._file.metadata.num_row_groups))
        said = self._mapping
        names = [name for name, _ in self._wide] or [said.value, said.quality, *self._names_of_keys]
        columns = [name for name in dict.fromkeys([said.time, *names]) if name in self._names]
        rows = max(1, min(BATCH_ROWS, BATCH_CELLS // len(columns)))
        try:
            for batch in self._file.iter_batches(rows, row_groups=groups, columns=columns):
                batch.validate(full=True)
                yield batch
        except (OSError, pa.ArrowException) as error:
            raise FileWrong(str(self._path), str(error).splitlines()[0], "a Parquet file without damage") from error

    @property
    def _names_of_keys(self) -> tuple[str, ...]:
        said = self._mapping
        return (said.node_column, said.device_column, said.channel, said.unit_column, said.quantity_column)

    def _group_of(self, position: int) -> tuple[int, int]:
        """Return the row group that a row is in, and how many of its rows are before it."""
        metadata = self._file.metadata
        for group in range(metadata.num_row_groups):
            rows = metadata.row_group(group).num_rows
            if position < rows:
                return group, position
            position -= rows
        return metadata.num_row_groups, 0

    def _block(self, batch: pa.RecordBatch, row: int) -> Block:
        total = max(1, self._file.metadata.num_rows)
        end = row + batch.num_rows
        block = Block(end, end, done=self.size * end // total)
        times = self._times_of(batch.column(self._mapping.time), row, block)
        if self._wide:
            for name, key in self._wide:
                values = _cells(batch.column(name))
                self._take(times, [key] * len(values), values, [0] * len(values), row, name, block)
        else:
            codes = self._codes_of(batch, row, block)
            values = _cells(batch.column(self._mapping.value))
            self._take(times, self._keys_of(batch, row, block), values, codes, row, self._mapping.value, block)
        return block

    def _take(
        self,
        times: Sequence[int | None],
        keys: Sequence[Key | None],
        values: Sequence[Any],
        codes: Sequence[int | None],
        row: int,
        name: str,
        block: Block,
    ) -> None:
        missing = self._mapping.missing_texts
        for number, (time_ms, key, value, code) in enumerate(zip(times, keys, values, codes, strict=True), row + 1):
            if time_ms is None or key is None or code is None:
                continue
            if failed(code):
                block.readings.append(Reading(key, time_ms, None, code, number))
            elif value is None or value != value or (isinstance(value, str) and value in missing):
                block.missing += 1
            else:
                try:
                    number_ = number_of(value) if isinstance(value, str) else float(value)
                    if number_ - number_ != 0.0:
                        raise ValueError(value)
                except (ValueError, TypeError):
                    block.refused.append(Refused(number, name, str(value), "a number"))
                else:
                    block.readings.append(Reading(key, time_ms, number_, code, number))

    def _times_of(self, column: pa.Array, row: int, block: Block) -> list[int | None]:
        kind = column.type
        if pa.types.is_timestamp(kind):
            factor, divisor = _TICKS_PER_MS[kind.unit]
            ticks = column.cast(pa.int64()).to_pylist()
            found = [None if tick is None else (tick * factor * 2 + divisor) // (2 * divisor) for tick in ticks]
            if kind.tz is None:
                return [self._local(each, row + at, block) for at, each in enumerate(found, 1)]
            return [self._present(each, row + at, block) for at, each in enumerate(found, 1)]
        return [self._read(value, row + at, block) for at, value in enumerate(_cells(column), 1)]

    def _present(self, time_ms: int | None, number: int, block: Block) -> int | None:
        if time_ms is None:
            block.refused.append(Refused(number, self._mapping.time, "", self._times.expected))
        return time_ms

    def _local(self, local_ms: int | None, number: int, block: Block) -> int | None:
        if local_ms is None:
            return self._present(None, number, block)
        try:
            at = _EPOCH + timedelta(milliseconds=local_ms)
        except OverflowError:
            block.refused.append(Refused(number, self._mapping.time, str(local_ms), self._times.expected))
            return None
        try:
            return self._times.instant_ms(at)
        except TimeUnreadable as error:
            block.refused.append(Refused(number, self._mapping.time, at.isoformat(), str(error)))
            return None

    def _read(self, value: object, number: int, block: Block) -> int | None:
        try:
            return self._times.read("" if value is None else str(value))
        except TimeUnreadable as error:
            block.refused.append(Refused(number, self._mapping.time, str(value or ""), str(error)))
            return None

    def _codes_of(self, batch: pa.RecordBatch, row: int, block: Block) -> list[int | None]:
        if self._mapping.quality not in self._names:
            return [0] * batch.num_rows
        codes: list[int | None] = []
        for number, found in enumerate(_cells(batch.column(self._mapping.quality)), row + 1):
            try:
                codes.append(0 if found is None else code_of(str(found)))
            except ValueError:
                block.refused.append(Refused(number, self._mapping.quality, str(found), EXPECTED_QUALITY))
                codes.append(None)
        return codes

    def _keys_of(self, batch: pa.RecordBatch, row: int, block: Block) -> list[Key | None]:
        nothing: list[Any] = [None] * batch.num_rows
        columns = [_texts(batch.column(name)) if name in self._names else nothing for name in self._names_of_keys]
        keys: list[Key | None] = []
        for number, name in enumerate(zip(*columns, strict=True), row + 1):
            key = self._keys.get(name)
            if key is None:
                key = self._key(name, number, block)
                if key is not None:
                    self._keys[name] = key
            keys.append(key)
        return keys

    def _key(self, name: tuple[str | None, ...], number: int, block: Block) -> Key | None:
        node, device, channel, unit, quantity = name
        device = device or self._mapping.device
        if device and channel is None:  # an archive tells of a sample that holds nothing by a row without a channel
            block.missing += 1
            return None
        if not device or not channel:
            block.refused.append(Refused(number, "channel" if device else "device", "", "a name"))
            return None
        found = self._mapping.columns.get(channel)
        return Key(
            node or None,
            device,
            (found.channel if found else None) or channel,
            unit or (found.unit if found else None) or self._mapping.unit,
            quantity or (found.quantity if found else None),
            *((found.group, found.retention_class) if found else (None, None)),
        )

    def _wide_columns(self) -> list[tuple[str, Key]]:
        said = self._mapping
        wanted = said.columns or {
            name: WideColumn.of_header(name) for name in self._names if name != said.time and name not in said.ignore
        }
        found = []
        for name, column in wanted.items():
            self._require(name)
            device = column.device or said.device
            if device is None:
                raise FileWrong(f"{self._path}: column {name!r}", "no device", "a device/channel [unit], or --device")
            unit = column.unit or said.unit
            into = (column.group, column.retention_class)
            found.append((name, Key(column.node, device, column.channel or name, unit, column.quantity, *into)))
        return found

    def _require(self, name: str) -> None:
        if name not in self._names:
            raise FileWrong(str(self._path), self._shown(), f"a column {name!r}")

    def _shown(self) -> str:
        return f"the columns {', '.join(self._names)[:200]}"


def _cells(column: pa.Array) -> list[Any]:
    """Return cells as Python has them; what no calendar has, a date of the year 5 000 000, as a text that says so."""
    try:
        cells: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):
        cells = [_cell(each) for each in column]
    return cells


def _texts(column: pa.Array) -> list[str | None]:
    """Return cells as texts; some writers leave it unsaid that their bytes are one."""
    cells = (cell.decode(errors="replace") if isinstance(cell, bytes) else cell for cell in _cells(column))
    return [None if cell is None else str(cell) for cell in cells]


def _cell(cell: pa.Scalar) -> Any:
    try:
        return cell.as_py()
    except (ValueError, OverflowError):
        return f"a {cell.type} beyond what can be said"
