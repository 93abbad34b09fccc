"""Rows of an export as cells of a table: which columns there are, and how each form writes them."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from siloscope_store.channels import reason_of
from siloscope_store.exchange.cells import harmless
from siloscope_store.exports import BucketRow, ExportedChannel, LetGo, Level, RawRow, Row

NAMES = ("site", "node", "device", "channel", "title", "quantity", "unit")
RAW = ("value", "quality", "reason")
BUCKET = ("count", "uncertain", "bad", "min", "mean", "max", "last", "increase")
LACKING = "siloscope.let_go"
_TYPES = {
    "value": pa.float64(),
    "quality": pa.int16(),
    "reason": pa.string(),
    **dict.fromkeys(("count", "uncertain", "bad"), pa.int32()),
    **dict.fromkeys(("min", "mean", "max", "last", "increase"), pa.float64()),
}


def columns(level: Level, *, local: bool) -> tuple[str, ...]:
    """Return the names of the columns, in order."""
    time = ("day",) if level == "day" else ("time", "local_time") if local else ("time",)
    return (*time, *NAMES, *(RAW if level == "raw" else BUCKET))


@lru_cache(maxsize=100_000)
def named(channel: ExportedChannel) -> tuple[str, ...]:
    """Return the cells that name a channel; what people typed is made harmless to spreadsheets."""
    title = harmless(" ".join(channel.title.split()))
    return (channel.site, channel.node, channel.device, channel.channel, title, channel.quantity, channel.unit)


def measured(row: Row) -> tuple[Any, ...]:
    """Return the cells that hold what was measured."""
    if isinstance(row, RawRow):
        return (row.value, row.code, reason_of(row.code))
    return row[2:]


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local_time(row: Row) -> datetime:
    """Return the time as the clocks of the site show it."""
    return row.time.astimezone(_zone(row.channel.time_zone))


class CsvRows:
    """Writes rows as CSV: UTF-8, one header line, times in UTC.

    Args:
        level: What the rows are.
        local: Whether the site's own time stands beside UTC.
    """

    def __init__(self, level: Level, *, local: bool) -> None:
        self._level = level
        self._local = local and level != "day"
        self._prefixes: dict[ExportedChannel, str] = {}
        self._reasons: dict[int, str] = {}

    def header(self) -> bytes:
        """Return the first line."""
        return (",".join(columns(self._level, local=self._local)) + "\n").encode()

    def encode(self, rows: Sequence[Row]) -> bytes:
        """Return lines."""
        return "".join(self._raw(rows) if self._level == "raw" else self._buckets(rows)).encode()

    def _raw(self, rows: Sequence[Row]) -> Iterator[str]:
        prefixes, reasons = self._prefixes, self._reasons
        last, stamp = None, ""
        for row in rows:
            assert isinstance(row, RawRow)
            time, channel, value, code = row
            if time is not last:
                last, stamp = time, self._stamp(row)
            names = prefixes.get(channel) or self._prefix(channel)
            ending = reasons.get(code) or self._reason(code)
            yield f"{stamp}{names}{'' if value is None else repr(value)}{ending}"

    def _buckets(self, rows: Sequence[Row]) -> Iterator[str]:
        for row in rows:
            assert isinstance(row, BucketRow)
            names = self._prefixes.get(row.channel) or self._prefix(row.channel)
            numbers = ",".join("" if number is None else repr(number) for number in row[2:])
            yield f"{self._stamp(row)}{names}{numbers}\n"

    def _stamp(self, row: Row) -> str:
        if self._level == "day":
            return f"{row.time.date().isoformat()},"
        stamp = f"{iso(row.time)}Z,"
        if not self._local:
            return stamp
        return f"{stamp}{local_time(row).isoformat(timespec=_precision(row.time))},"

    def _prefix(self, channel: ExportedChannel) -> str:
        text = self._prefixes[channel] = ",".join(map(_quoted, named(channel))) + ","
        return text

    def _reason(self, code: int) -> str:
        text = self._reasons[code] = f",{code},{reason_of(code)}\n"
        return text


def iso(time: datetime) -> str:
    """Return a UTC time without its offset: to the second, or to the millisecond where it has any."""
    return time.replace(tzinfo=None).isoformat(timespec=_precision(time))


def _precision(time: datetime) -> str:
    return "milliseconds" if time.microsecond else "seconds"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\r\n') else text


def lacking(let_go: Sequence[LetGo]) -> dict[str, str]:
    """Return the entry of a Parquet file's metadata that says what is no longer kept; none where all is there."""
    told = [{**each._asdict(), "before": f"{iso(each.before)}Z"} for each in let_go]
    return {LACKING: json.dumps(told)} if told else {}


def arrow_schema(level: Level, *, local: bool) -> pa.Schema:
    """Return the columns of a Parquet file."""
    dictionary = pa.dictionary(pa.int32(), pa.string())
    kinds: dict[str, pa.DataType] = {
        "time": pa.timestamp("ms", "UTC"),
        "local_time": pa.timestamp("ms"),
        "day": pa.date32(),
        **dict.fromkeys(NAMES, dictionary),
        **_TYPES,
    }
    return pa.schema([(name, kinds[name]) for name in columns(level, local=local)])


def arrow_table(rows: Sequence[Row], level: Level, *, local: bool) -> pa.Table:
    """Return rows as a table of that schema."""
    schema = arrow_schema(level, local=local)
    if not rows:
        return schema.empty_table()
    found: dict[str, Any] = {}
    times = [row.time for row in rows]
    if level == "day":
        found["day"] = pa.array([time.date() for time in times], pa.date32())
    else:
        found["time"] = pa.array(times, pa.timestamp("us", "UTC")).cast(pa.timestamp("ms", "UTC"), safe=False)
    if local and level != "day":
        shown = [local_time(row).replace(tzinfo=None) for row in rows]
        found["local_time"] = pa.array(shown, pa.timestamp("us")).cast(pa.timestamp("ms"), safe=False)
    distinct = list(dict.fromkeys(row.channel for row in rows))
    index = {channel: at for at, channel in enumerate(distinct)}
    indices = pa.array([index[row.channel] for row in rows], pa.int32())
    for name, texts in zip(NAMES, zip(*map(named, distinct), strict=True), strict=True):
        found[name] = pa.DictionaryArray.from_arrays(indices, pa.array(texts, pa.string()))
    cells = RAW if level == "raw" else BUCKET
    for name, values in zip(cells, zip(*map(measured, rows), strict=True), strict=True):
        found[name] = pa.array(values, _TYPES[name])
    return pa.table(found, schema=schema)


Told = Callable[[int, int], None]
"""Is told how far something is: done, and how many rows that were."""
