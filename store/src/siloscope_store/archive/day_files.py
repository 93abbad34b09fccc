"""The format of an archive file: one reading a row, written and read a few hundred thousand readings at a time.

Whole samples make a row group, ordered by group, and within a group by channel and time: so columns compress, and a
file of any size is written and read in bounded memory.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from siloscope_contract.quality import Quality, grade
from siloscope_store.archive.content_sum import Channels, ContentSum
from siloscope_store.archive.samples import ChannelName, GroupName, Sample, readings

READINGS_A_ROW_GROUP = 200_000
DAMAGED = (OSError, pa.ArrowException, ValueError, LookupError, TypeError, MemoryError)
"""What reading a file raises that is not whole: where damage says nothing of itself, what it left makes no sense."""

_SUM = b"siloscope.sum"
_ABOUT = b"siloscope."

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


class DayFile:
    """A file that is being written.

    Args:
        path: Where; a name that nobody takes for a whole file.
        channels: What stands at each position of each group.
        about: Kept in the file's own metadata: organisation, site, day and so on.
    """

    def __init__(self, path: Path, channels: Channels, about: Mapping[str, str]) -> None:
        schema = SCHEMA.with_metadata({_ABOUT.decode() + name: text for name, text in about.items()})
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression="zstd",
            compression_level=3,
            use_dictionary=_DICTIONARIES,
            column_encoding={"time": "DELTA_BINARY_PACKED"},
            version="2.6",
            write_page_checksum=True,
        )
        self._schema = schema
        self._channels = channels
        self._named: dict[tuple[GroupName, int], ChannelName] = {}
        self._sum = ContentSum(about)
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
            self._sum.add(sample)
            self._waiting_readings += readings(sample)
            self.first_us = sample.time_us if self.first_us is None else min(self.first_us, sample.time_us)
            self.last_us = sample.time_us if self.last_us is None else max(self.last_us, sample.time_us)
            if self._waiting_readings + len(self._waiting) >= READINGS_A_ROW_GROUP:
                self._flush()

    def close(self) -> None:
        """Write what waits, and the footer without which nobody takes it for a whole file."""
        if self._waiting:
            self._flush()
        self._writer.add_key_value_metadata({_SUM: self._sum.hexdigest(self._named)})
        self._writer.close()

    def _flush(self) -> None:
        columns = _Columns()
        for group, samples in groupby(self._waiting, lambda sample: sample.group):
            self._add(columns, group, list(samples))
        self._writer.write_table(columns.table(self._schema))
        self.samples += len(self._waiting)
        self.readings += self._waiting_readings
        self._waiting, self._waiting_readings = [], 0

    def _add(self, columns: "_Columns", group: GroupName, samples: Sequence[Sample]) -> None:
        """Add one group's samples, channel by channel."""
        if _alike(samples):
            times = pa.array([sample.time_us for sample in samples], pa.int64())
            length = len(samples[0].values)
            by_position = zip(*(sample.values for sample in samples), strict=True)
            for position, values in enumerate(by_position):
                channel = self._named[group, position] = self._channels[group, position]
                columns.add_plain(group, (position, channel), times, pa.array(values, pa.float64()), length)
            return
        for position in range(max(len(sample.values) for sample in samples)):
            found = [
                (sample, sample.values[position], _code(sample, position))
                for sample in samples
                if position < len(sample.values)
                and (sample.values[position] is not None or _code(sample, position) is not None)
            ]
            if found:
                channel = self._named[group, position] = self._channels[group, position]
                columns.add(group, (position, channel), found)
        silent: list[_Element] = [(sample, None, 0) for sample in samples if not readings(sample)]
        if silent:
            columns.add(group, None, silent)


_Element = tuple[Sample, float | None, int | None]
_Place = tuple[int, ChannelName] | None


class _Columns:
    """The columns of a row group, as pieces that are joined when it is whole; texts are numbers of a dictionary."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[pa.Array]] = {name: [] for name in SCHEMA.names}
        self._words: dict[str, dict[str, int]] = {
            field.name: {} for field in SCHEMA if pa.types.is_dictionary(field.type)
        }

    def add_plain(self, group: GroupName, place: _Place, times: pa.Array, values: pa.Array, length: int) -> None:
        """Add one channel of samples that are all there and good."""
        count = len(times)
        self._name(group, place, count)
        self._pieces["time"].append(times)
        self._pieces["value"].append(values)
        self._constant("quality", pa.scalar(0, pa.int16()), count)
        self._word("reason", "good", count)
        self._constant("sample_length", pa.scalar(length, pa.int16()), count)
        self._constant("sample_coded", pa.scalar(value=False), count)

    def add(self, group: GroupName, place: _Place, found: Sequence[_Element]) -> None:
        """Add one channel of any samples."""
        self._name(group, place, len(found))
        codes = [code or 0 for _, _, code in found]
        reasons = self._words["reason"]
        self._pieces["time"].append(pa.array([sample.time_us for sample, _, _ in found], pa.int64()))
        self._pieces["value"].append(pa.array([value for _, value, _ in found], pa.float64()))
        self._pieces["quality"].append(pa.array(codes, pa.int16()))
        numbers = [reasons.setdefault(_reason(code), len(reasons)) for code in codes]
        self._pieces["reason"].append(pa.array(numbers, pa.int32()))
        self._pieces["sample_length"].append(pa.array([len(sample.values) for sample, _, _ in found], pa.int16()))
        self._pieces["sample_coded"].append(pa.array([sample.quality is not None for sample, _, _ in found]))

    def table(self, schema: pa.Schema) -> pa.Table:
        """Return the row group."""
        return pa.Table.from_arrays([self._joined(field) for field in SCHEMA], schema=schema)

    def _name(self, group: GroupName, place: _Place, count: int) -> None:
        position, channel = place or (None, (None, None, None))
        for name, word in zip(
            ("node", "device", "group", "channel", "quantity", "unit"), (*group, *channel), strict=True
        ):
            self._word(name, word, count)
        self._constant("position", pa.scalar(position, pa.int16()), count)

    def _word(self, name: str, word: str | None, count: int) -> None:
        words = self._words[name]
        number = None if word is None else words.setdefault(word, len(words))
        self._constant(name, pa.scalar(number, pa.int32()), count)

    def _constant(self, name: str, value: pa.Scalar, count: int) -> None:
        self._pieces[name].append(pa.repeat(value, count))

    def _joined(self, field: pa.Field) -> pa.Array:
        whole = pa.concat_arrays(self._pieces[field.name])
        if field.name in self._words:
            return pa.DictionaryArray.from_arrays(whole, pa.array(list(self._words[field.name]), pa.string()))
        return whole.cast(field.type)


def _alike(samples: Sequence[Sample]) -> bool:
    """Return whether samples are of one length, and every element of each is there and good."""
    length = len(samples[0].values)
    return length > 0 and all(
        sample.quality is None and len(sample.values) == length and None not in sample.values for sample in samples
    )


def read(path: Path) -> Iterator[Sample]:
    """Return the samples of a file, in order."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for index in range(file.num_row_groups):
            yield from _samples(file.read_row_group(index))


def about(path: Path) -> dict[str, str]:
    """Return what a file says of itself."""
    with pq.ParquetFile(path) as file:
        metadata: dict[bytes, bytes] = file.schema_arrow.metadata or {}
    return {
        key.removeprefix(_ABOUT).decode(): text.decode()
        for key, text in metadata.items()
        if key.startswith(_ABOUT) and key != _SUM
    }


def stated_sum(path: Path) -> str | None:
    """Return the sum of what a file holds, as it states; None where it states none."""
    with pq.ParquetFile(path) as file:
        stated: bytes | None = (file.metadata.metadata or {}).get(_SUM)
    return None if stated is None else stated.decode()


class Totals(NamedTuple):
    """What a file holds; times in microseconds since 1970, None where it is empty."""

    samples: int
    readings: int
    first_us: int | None
    last_us: int | None


def totals(path: Path) -> Totals:
    """Read a file to its end and return what it holds.

    Raises:
        ValueError: That is not what it held when it was written, by the sum that it states; or any other of `DAMAGED`.
    """
    samples = count = 0
    found = ContentSum(about(path))
    first = last = None
    for sample in read(path):
        found.add(sample)
        samples, count = samples + 1, count + readings(sample)
        first = sample.time_us if first is None else min(first, sample.time_us)
        last = sample.time_us if last is None else max(last, sample.time_us)
    stated = stated_sum(path)
    if stated is not None and stated != found.hexdigest(channels_of(path)):
        raise ValueError("what it holds does not have the sum that it states")
    return Totals(samples, count, first, last)


def channels_of(path: Path) -> dict[tuple[GroupName, int], ChannelName]:
    """Return what stands at each position of each group, as the file says."""
    found: dict[tuple[GroupName, int], ChannelName] = {}
    names = ["node", "device", "group", "position", "channel", "quantity", "unit"]
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for index in range(file.num_row_groups):
            table = file.read_row_group(index, columns=names)
            distinct = table.group_by(names).aggregate([])
            columns = (distinct.column(name).to_pylist() for name in names)
            for node, device, group, position, *channel in zip(*columns, strict=True):
                if position is not None:
                    found[GroupName(node, device, group), position] = ChannelName(*channel)
    return found


def _samples(table: pa.Table) -> Iterator[Sample]:
    table = table.combine_chunks()
    names = [table.column(name).combine_chunks() for name in ("node", "device", "group")]
    borders = sorted({0, *(end for name in names for end in _run_ends(name))})
    for begin, end in pairwise(borders):
        group = GroupName(*(name[begin].as_py() for name in names))
        part = table.slice(begin, end - begin).combine_chunks()
        yield from _plain(group, part) or _assembled(group, _listed(part))


def _run_ends(column: pa.DictionaryArray) -> list[int]:
    ends: list[int] = pc.run_end_encode(column.indices).run_ends.to_pylist()
    return ends


def _plain(group: GroupName, part: pa.Table) -> list[Sample]:
    """Return samples that `add_plain` wrote; nothing where these are others."""
    lengths = pc.unique(part.column("sample_length")).to_pylist()
    length = lengths[0]
    if len(lengths) > 1 or not length or part.num_rows % length or pc.any(part.column("sample_coded")).as_py():
        return []
    count = part.num_rows // length
    times = part.column("time").cast(pa.int64()).slice(0, count)
    columns = []
    for position in range(length):
        piece = part.slice(position * count, count)
        places = piece.column("position")
        values = piece.column("value")
        if places.null_count or values.null_count or not pc.all(pc.equal(places, position)).as_py():
            return []
        if not piece.column("time").cast(pa.int64()).equals(times):
            return []
        columns.append(values.to_pylist())
    rows = zip(times.to_pylist(), zip(*columns, strict=True), strict=True)
    return [Sample(group, time_us, values, None) for time_us, values in rows]


def _listed(part: pa.Table) -> list[list[Any]]:
    times = part.column("time").cast(pa.int64()).to_pylist()
    names = ("position", "value", "quality", "sample_length", "sample_coded")
    return [times, *(part.column(name).to_pylist() for name in names)]


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


def _reason(code: int) -> str:
    return _REASONS.get(code) or grade(code)


_REASONS = {int(each): each.reason for each in Quality}
