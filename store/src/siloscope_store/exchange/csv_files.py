"""CSV, long (a row is a reading) and wide (a row is a sample, a column a channel).

One line is one record: a line break within quotes is refused, so that a stray quote never swallows what follows it.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from siloscope_store.exchange.text_files import Lines, TextFile
from siloscope_store.exchange.times import TimeReader, TimeUnreadable

DELIMITERS = (",", ";", "\t", "|")
_LARGEST_FIELD = 1 << 20
csv.field_size_limit(_LARGEST_FIELD)


@dataclass(frozen=True)
class LongColumns:
    """Where the fields of a long row stand; None = the file has no such column."""

    time: int
    value: int
    channel: int
    device: int | None
    node: int | None
    unit: int | None
    quantity: int | None
    quality: int | None


class CsvFile:
    """A CSV file with a header line.

    Args:
        path: The file.
        mapping: What its columns mean.
        times: How its times are written.

    Raises:
        FileWrong: The header does not say what is needed.
    """

    def __init__(self, path: Path, mapping: Mapping, times: TimeReader) -> None:
        self._text = TextFile(path, mapping.encoding)
        self._times = times
        self._mapping = mapping
        header = self._text.first_line()
        self._delimiter = mapping.delimiter or max(DELIMITERS, key=header.count)
        try:
            self._names = [name.strip() for name in self._split(header)]
        except ValueError:
            raise FileWrong(f"{path}:1", repr(header[:80]), "a header line of CSV") from None
        self._place = f"{path}:1"
        self._wide: list[tuple[int, Key]] = []
        self._long: LongColumns | None = None
        if mapping.is_wide(self._names):
            self._wide = self._wide_columns()
        else:
            self._long = self._long_columns()
        self._keys: dict[tuple[str, ...], Key] = {}
        self._codes: dict[str, int] = {}

    @property
    def size(self) -> int:
        """Bytes of the file as it lies there."""
        return self._text.size

    def blocks(self, position: int, line: int) -> Iterator[Block]:
        """Yield what the file says, about a mebibyte at a time."""
        for lines in self._text.blocks(position, line):
            block = Block(lines.position, lines.first + len(lines.texts) - 1, done=lines.done)
            if self._long is not None:
                self._read_long(lines, self._long, block)
            else:
                self._read_wide(lines, block)
            yield block

    def _read_long(self, lines: Lines, columns: LongColumns, block: Block) -> None:
        width, keys, take = len(self._names), self._keys, block.readings.append
        read_time, missing = self._times.read, self._mapping.missing_texts
        named = (columns.node, columns.device, columns.channel, columns.unit, columns.quantity)
        used = [at for at in named if at is not None]
        time_at, value_at, quality_at = columns.time, columns.value, columns.quality
        for number, fields in self._records(lines, width, block):
            name = tuple([fields[at] for at in used])
            key = keys.get(name)
            if key is None:
                key = self._long_key(fields, named, number, block)
                if key is None:
                    continue
                keys[name] = key
            try:
                time_ms = read_time(fields[time_at])
            except TimeUnreadable as error:
                block.refused.append(Refused(number, self._names[time_at], fields[time_at], str(error)))
                continue
            code = 0
            if quality_at is not None and fields[quality_at]:
                found = self._code(fields[quality_at])
                if found is None:
                    block.refused.append(Refused(number, self._names[quality_at], fields[quality_at], EXPECTED_QUALITY))
                    continue
                code = found
            text = fields[value_at]
            if failed(code):
                take(Reading(key, time_ms, None, code, number))
            elif text in missing:
                block.missing += 1
            else:
                try:
                    take(Reading(key, time_ms, self._number(text), code, number))
                except ValueError:
                    if text.strip() in missing:
                        block.missing += 1
                    else:
                        block.refused.append(Refused(number, self._names[value_at], text, self._expected(text)))

    def _read_wide(self, lines: Lines, block: Block) -> None:
        width, take, read_time = len(self._names), block.readings.append, self._times.read
        time_at, missing, number_of_ = self._time_at, self._mapping.missing_texts, self._number
        for number, fields in self._records(lines, width, block):
            try:
                time_ms = read_time(fields[time_at])
            except TimeUnreadable as error:
                block.refused.append(Refused(number, self._names[time_at], fields[time_at], str(error)))
                continue
            for at, key in self._wide:
                text = fields[at]
                if text in missing:
                    block.missing += 1
                    continue
                try:
                    take(Reading(key, time_ms, number_of_(text), 0, number))
                except ValueError:
                    if text.strip() in missing:
                        block.missing += 1
                    else:
                        block.refused.append(Refused(number, self._names[at], text, self._expected(text)))

    def _records(self, lines: Lines, width: int, block: Block) -> Iterator[tuple[int, Sequence[str]]]:
        delimiter, bad = self._delimiter, lines.bad
        for number, text in enumerate(lines.texts, lines.first):
            if number == 1:
                continue
            if number in bad:
                block.refused.append(Refused(number, "record", text, bad[number]))
                continue
            if text[-1:] == "\r":
                text = text[:-1]
            if '"' in text:
                try:
                    fields = self._split(text)
                except ValueError:
                    block.refused.append(Refused(number, "record", text, "quotes that are closed on the same line"))
                    continue
            else:
                fields = text.split(delimiter)
            if len(fields) == width:
                yield number, fields
            elif text.strip():
                block.refused.append(Refused(number, "record", f"{len(fields)} fields: {text}", f"{width} fields"))

    def _split(self, line: str) -> list[str]:
        try:
            return next(csv.reader([line], delimiter=self._delimiter, strict=True), [])
        except csv.Error as error:
            raise ValueError(str(error)) from None

    def _number(self, text: str) -> float:
        if self._mapping.decimal != ".":
            if "." in text:
                raise ValueError(text)
            text = text.replace(self._mapping.decimal, ".")
        return number_of(text)

    def _expected(self, text: str) -> str:
        return "a number; --decimal , where a comma is meant" if "," in text else "a number"

    def _code(self, text: str) -> int | None:
        code = self._codes.get(text)
        if code is None:
            try:
                code = self._codes[text] = code_of(text)
            except ValueError:
                return None
        return code

    def _long_key(self, fields: Sequence[str], named: Sequence[int | None], number: int, block: Block) -> Key | None:
        node, device, channel, unit, quantity = (None if at is None else fields[at].strip() for at in named)
        device = device or self._mapping.device
        for column, text in (("device", device), ("channel", channel)):
            if not text:
                block.refused.append(Refused(number, column, text or "", f"the name of a {column}"))
                return None
        assert device is not None
        assert channel is not None
        found = self._mapping.columns.get(channel)
        unit = unit or (found.unit if found else None) or self._mapping.unit
        quantity = quantity or (found.quantity if found else None)
        channel = (found.channel if found else None) or channel
        into = (found.group, found.retention_class) if found else (None, None)
        return Key(node or None, device, channel, unit, quantity, *into)

    def _long_columns(self) -> LongColumns:
        mapping = self._mapping
        columns = LongColumns(
            time=self._required(mapping.time),
            value=self._required(mapping.value),
            channel=self._required(mapping.channel),
            device=self._optional(mapping.device_column),
            node=self._optional(mapping.node_column),
            unit=self._optional(mapping.unit_column),
            quantity=self._optional(mapping.quantity_column),
            quality=self._optional(mapping.quality),
        )
        if columns.device is None and mapping.device is None:
            raise FileWrong(self._place, self._shown(), f"a column {mapping.device_column!r}, or --device for all rows")
        return columns

    def _wide_columns(self) -> list[tuple[int, Key]]:
        """Return which columns are channels: those of the mapping, or all that are not the time."""
        self._time_at = self._required(self._mapping.time)
        if self._mapping.columns:
            wanted = [(self._required(name), name, column) for name, column in self._mapping.columns.items()]
        else:
            wanted = [
                (self._required(name), name, WideColumn.of_header(name))
                for at, name in enumerate(self._names)
                if name and at != self._time_at and name not in self._mapping.ignore
            ]
        found: list[tuple[int, Key]] = []
        columns: dict[tuple[str | None, str, str], str] = {}
        for at, name, column in wanted:
            device = column.device or self._mapping.device
            if device is None:
                raise FileWrong(
                    f"{self._place}: column {name!r}",
                    "no device",
                    "a header such as device/channel [unit], or --device",
                )
            unit = column.unit or self._mapping.unit
            key = Key(
                *(column.node, device, column.channel or name, unit, column.quantity),
                *(column.group, column.retention_class),
            )
            if (other := columns.setdefault(key[:3], name)) != name:
                raise FileWrong(self._place, f"columns {other!r} and {name!r}, which are one channel", "one of them")
            found.append((at, key))
        return found

    def _required(self, name: str) -> int:
        at = self._optional(name)
        if at is None:
            raise FileWrong(self._place, self._shown(), f"a column {name!r}")
        return at

    def _optional(self, name: str) -> int | None:
        count = self._names.count(name)
        if count > 1:
            raise FileWrong(self._place, f"{count} columns {name!r}", "one")
        return self._names.index(name) if count else None

    def _shown(self) -> str:
        return f"the columns {', '.join(self._names)[:200]}"
