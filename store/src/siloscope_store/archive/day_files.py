"""The format of an archive file: one reading a row, written and read a few hundred thousand readings at a time.

Whole samples make a row group, ordered by group, and within a group by channel and time: so columns compress, and a
file of any size is written and read in bounded memory.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from siloscope_contract.quality import Quality, grade
from siloscope_store.archive.samples import ChannelName, GroupName, Sample, readings

READINGS_A_ROW_GROUP = 200_000

_NAME = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("node", _NAME, nullable=False),
        pa.field("device", _NAME, nullable=False),
        pa.field("group", _NAME, nullable=False),
        pa.field("channel", _NAME),
        pa.field("quantity", _NAME),
        pa.field("unit", _NAME),
        pa.field("position", pa.int16()),
        pa.field("time", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("quality", pa.int16(), nullable=False),
        pa.field("reason", _NAME, nullable=False),
        pa.field("sample_length", pa.int16(), nullable=False),
        pa.field("sample_coded", pa.bool_(), nullable=False),
    ]
)
"""Columns of a file; docs/archive.md says what they mean."""

_DICTIONARIES = [name for name in SCHEMA.names if name != "time"]
Channels = Mapping[tuple[GroupName, int], ChannelName]


class DayFile:
    """A file that is being written.

    Args:
        path: Where; a name that nobody takes for a whole file.
        channels: What stands at each position of each group.
        about: Kept in the file's own metadata: organisation, site, day and so on.
    """

    def __init__(self, path: Path, channels: Channels, about: Mapping[str, str]) -> None:
        schema = SCHEMA.with_metadata({f"siloscope.{name}": text for name, text in about.items()})
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression="zstd",
            compression_level=3,
            use_dictionary=_DICTIONARIES,
            column_encoding={"time": "DELTA_BINARY_PACKED"},
            version="2.6",
        )
        self._schema = schema
        self._channels = channels
        self._waiting: list[Sample] = []
        self._waiting_readings = 0
        self.samples = 0
        self.readings = 0
        self.first_us: int | None = None
        self.last_us: int | None = None

    def write(self, samples: Iterable[Sample]) -> None:
        """Add samples, which come in order."""
        for sample in samples:
            self._waiting.append(sample)
            self._waiting_readings += readings(sample)
            self.first_us = sample.time_us if self.first_us is None else min(self.first_us, sample.time_us)
            self.last_us = sample.time_us if self.last_us is None else max(self.last_us, sample.time_us)
            if self._waiting_readings + len(self._waiting) >= READINGS_A_ROW_GROUP:
                self._flush()

    def close(self) -> None:
        """Write what waits, and the footer without which nobody takes it for a whole file."""
        if self._waiting:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        parts = [
            self._part(group, list(samples)) for group, samples in groupby(self._waiting, lambda sample: sample.group)
        ]
        columns = {name: [value for part in parts for value in part[name]] for name in SCHEMA.names}
        arrays = [pa.array(columns[field.name], _storage(field.type)) for field in SCHEMA]
        arrays = [
            array.dictionary_encode() if pa.types.is_dictionary(field.type) else array
            for array, field in zip(arrays, SCHEMA, strict=True)
        ]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self.samples += len(self._waiting)
        self.readings += self._waiting_readings
        self._waiting, self._waiting_readings = [], 0

    def _part(self, group: GroupName, samples: Sequence[Sample]) -> dict[str, list[Any]]:
        """Return the columns of one group's samples, channel by channel."""
        part: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
        for position in range(max(len(sample.values) for sample in samples)):
            found = [
                (sample, sample.values[position], _code(sample, position))
                for sample in samples
                if position < len(sample.values)
                and (sample.values[position] is not None or _code(sample, position) is not None)
            ]
            if found:
                _extend(part, group, (position, self._channels[group, position]), found)
        silent = [(sample, None, 0) for sample in samples if not readings(sample)]
        if silent:
            _extend(part, group, None, silent)
        return part


def read(path: Path) -> Iterator[Sample]:
    """Return the samples of a file, in order."""
    with pq.ParquetFile(path) as file:
        for index in range(file.num_row_groups):
            yield from _samples(file.read_row_group(index))


def row_count(path: Path) -> int:
    """Return how many rows a file says to have."""
    with pq.ParquetFile(path) as file:
        return int(file.metadata.num_rows)


def is_readable(path: Path) -> bool:
    """Return whether every row group of a file can be read."""
    try:
        for _ in read(path):
            pass
    except (OSError, pa.ArrowException):
        return False
    return True


def channels_of(path: Path) -> dict[tuple[GroupName, int], ChannelName]:
    """Return what stands at each position of each group, as the file says."""
    found: dict[tuple[GroupName, int], ChannelName] = {}
    names = ["node", "device", "group", "position", "channel", "quantity", "unit"]
    with pq.ParquetFile(path) as file:
        for index in range(file.num_row_groups):
            table = file.read_row_group(index, columns=names)
            distinct = table.group_by(names).aggregate([])
            columns = (distinct.column(name).to_pylist() for name in names)
            for node, device, group, position, *channel in zip(*columns, strict=True):
                if position is not None:
                    found[GroupName(node, device, group), position] = ChannelName(*channel)
    return found


def _extend(
    part: dict[str, list[Any]],
    group: GroupName,
    channel: tuple[int, ChannelName] | None,
    found: Sequence[tuple[Sample, float | None, int | None]],
) -> None:
    count = len(found)
    position, name = channel if channel else (None, (None, None, None))
    constants = zip(("node", "device", "group", "channel", "quantity", "unit"), (*group, *name), strict=True)
    for column, value in constants:
        part[column] += [value] * count
    part["position"] += [position] * count
    part["time"] += [sample.time_us for sample, _, _ in found]
    part["value"] += [value for _, value, _ in found]
    part["quality"] += [code or 0 for _, _, code in found]
    part["reason"] += [_reason(code or 0) for _, _, code in found]
    part["sample_length"] += [len(sample.values) for sample, _, _ in found]
    part["sample_coded"] += [sample.quality is not None for sample, _, _ in found]


def _samples(table: pa.Table) -> Iterator[Sample]:
    names = ("node", "device", "group")
    keys = list(zip(*(table.column(name).to_pylist() for name in names), strict=True))
    times = table.column("time").cast(pa.int64()).to_pylist()
    rest = [table.column(n).to_pylist() for n in ("position", "value", "quality", "sample_length", "sample_coded")]
    at = 0
    for key, run in groupby(keys):
        count = sum(1 for _ in run)
        part = [column[at : at + count] for column in (times, *rest)]
        at += count
        yield from _assembled(GroupName(*key), part)


def _assembled(group: GroupName, columns: Sequence[Sequence[Any]]) -> Iterator[Sample]:
    found: dict[int, tuple[list[float | None], list[int | None] | None]] = {}
    for time_us, position, value, code, length, coded in zip(*columns, strict=True):
        if time_us not in found:
            found[time_us] = ([None] * length, [None] * length if coded else None)
        if position is None:
            continue
        values, codes = found[time_us]
        values[position] = value
        if codes is not None:
            codes[position] = code
    for time_us in sorted(found):
        values, codes = found[time_us]
        yield Sample(group, time_us, tuple(values), None if codes is None else tuple(codes))


def _code(sample: Sample, position: int) -> int | None:
    quality = sample.quality
    return quality[position] if quality is not None and position < len(quality) else None


def _storage(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_dictionary(kind) else kind


def _reason(code: int) -> str:
    return _REASONS.get(code) or grade(code)


_REASONS = {int(each): each.reason for each in Quality}
