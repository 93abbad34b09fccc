"""Series of a CSV file as channels and history: what rule tests and trials on foreign data are made of.

The first column is `time` (or `timestamp`), ISO 8601, UTC where it names no offset. `arrived`, if there, says when a
row came; without it every row came in time. Each other column is a channel: an empty cell is no reading, `bad`, `nan`
and `NA` a failed one.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from siloscope_alerting.columns import Catalogue, ChannelFacts, Flags, Float, Int64
from siloscope_alerting.errors import RuleRefused
from siloscope_contract.errors import ContractError
from siloscope_contract.quantities import quantity
from siloscope_contract.units import unit

_TIMES, _ARRIVED = ("time", "timestamp"), "arrived"
_FAILED = frozenset({"bad", "nan", "na"})
_DEFAULT_ALLOWANCE_S = 60.0
_FOREIGN = {"degF": ("Cel", 5 / 9, -32 * 5 / 9), "mph": ("m/s", 0.44704, 0.0), "in": ("mm", 25.4, 0.0)}
"""Units that no message may have, and files of the United States do: stored unit, factor, offset."""


class SeriesChannel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a column is; everything may be left out.

    Attributes:
        unit: Of the file's numbers, if not the stored one: any of SenML's, and degF, mph, in.
        interval_s: Expected; unless told the median of what the file has.
        allowance_s: Its delivery allowance; unless told the larger of two intervals and 60 s.
    """

    quantity: str = "temperature"
    unit: str | None = None
    site: str = "site"
    node: str = "node"
    device: str = "device"
    place: str | None = None
    place_kind: str | None = None
    spot: str | None = None
    cable: int | None = None
    level: int | None = None
    tags: dict[str, str] = {}
    interval_s: float | None = None
    allowance_s: float | None = None
    vitals: bool = False
    time_zone: str = "Etc/UTC"
    fill_level: float | None = None


@dataclass(frozen=True)
class Column:
    """One channel's readings, oldest first; `arrived_ms` is when each came."""

    time_ms: Int64
    value: Float
    arrived_ms: Int64


@dataclass(frozen=True)
class SeriesSet:
    """A catalogue, and a column of readings for each of its rows; it is a `History` too."""

    catalogue: Catalogue
    columns: Sequence[Column]

    async def between(self, rows: Sequence[int], from_ms: int, to_ms: int) -> Mapping[int, tuple[Int64, Float]]:
        """Return times and values of [from, to) per catalogue row, oldest first."""
        found = {}
        for row in rows:
            column = self.columns[row]
            some = slice(*np.searchsorted(column.time_ms, (from_ms, to_ms)))
            found[row] = (column.time_ms[some], column.value[some])
        return found

    def arrivals(self) -> Mapping[int, Int64]:
        """Return when readings arrived, per row, as `between` orders them from the very begin."""
        return {row: column.arrived_ms for row, column in enumerate(self.columns)}

    @property
    def span_ms(self) -> tuple[int, int]:
        """First time, and a millisecond after the last time or arrival."""
        times = [each for column in self.columns for each in (column.time_ms, column.arrived_ms) if len(each)]
        if not times:
            return (0, 0)
        return int(min(each[0] for each in times)), int(max(each.max() for each in times)) + 1


def read_series(file: Path, channels: Mapping[str, SeriesChannel], others: SeriesChannel | None = None) -> SeriesSet:
    """Read a CSV file.

    Args:
        file: The file.
        channels: What its columns are, by name.
        others: What a column is that is not among them; None = it is refused.

    Raises:
        RuleRefused: The file cannot be read as one; names file, line and column.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            rows = list(csv.reader(opened))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RuleRefused(str(file), str(error), "a readable CSV file in UTF-8") from error
    if not rows or not rows[0] or rows[0][0] not in _TIMES:
        found = repr(rows[0][0]) if rows and rows[0] else "nothing"
        raise RuleRefused(f"{file}:1", f"{found} as the first column", "time or timestamp")
    names = rows[0]
    keys = [name for name in names[1:] if name != _ARRIVED]
    if not keys or len(set(keys)) != len(keys) or "" in keys:
        raise RuleRefused(
            f"{file}:1", f"the columns {', '.join(map(repr, keys)) or 'none'}", "one name for each channel"
        )
    whats = [_what(file, key, channels, others) for key in keys]
    columns = _columns(file, rows, [_factor(file, key, what) for key, what in zip(keys, whats, strict=True)])
    return SeriesSet(_catalogue(keys, whats, columns), columns)


def _what(file: Path, key: str, channels: Mapping[str, SeriesChannel], others: SeriesChannel | None) -> SeriesChannel:
    found = channels.get(key, others)
    if found is None:
        raise RuleRefused(f"{file}:1", f"the column {key!r}", f"one of {', '.join(channels) or 'no columns at all'}")
    return found


def _factor(file: Path, key: str, what: SeriesChannel) -> tuple[float, float]:
    """Return factor and offset to the quantity's stored unit."""
    try:
        stored = quantity(what.quantity).unit
        if what.unit is None:
            return 1.0, 0.0
        canonical, factor, offset = _FOREIGN.get(what.unit) or _known(what.unit)
    except ContractError as error:
        raise RuleRefused(f"{file}: column {key!r}", repr(error.found), error.expected) from error
    if canonical != stored:
        raise RuleRefused(f"{file}: column {key!r}", f"the unit {what.unit!r}", f"one of {what.quantity}, as {stored}")
    return factor, offset


def _known(symbol: str) -> tuple[str, float, float]:
    found = unit(symbol)
    return found.canonical, found.factor / found.divisor, found.offset


def _columns(file: Path, rows: Sequence[Sequence[str]], factors: Sequence[tuple[float, float]]) -> list[Column]:
    names = rows[0]
    arrived_at = names.index(_ARRIVED) if _ARRIVED in names else None
    at = [index for index in range(1, len(names)) if index != arrived_at]
    found: list[list[tuple[int, float, int]]] = [[] for _ in at]
    for line, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        if len(row) != len(names):
            raise RuleRefused(f"{file}:{line}", f"{len(row)} cells", f"{len(names)}, as the first line has")
        time_ms = _time_ms(file, line, row[0])
        arrived_ms = _time_ms(file, line, row[arrived_at]) if arrived_at and row[arrived_at] else time_ms
        for column, cell, (factor, offset) in zip(found, (row[index] for index in at), factors, strict=True):
            if cell.strip():
                column.append((time_ms, _value(file, line, cell) * factor + offset, arrived_ms))
    return [_column(each) for each in found]


def _column(readings: list[tuple[int, float, int]]) -> Column:
    readings.sort(key=lambda reading: (reading[0], reading[2]))
    return Column(
        np.array([reading[0] for reading in readings], np.int64),
        np.array([reading[1] for reading in readings], np.float64),
        np.array([reading[2] for reading in readings], np.int64),
    )


def _time_ms(file: Path, line: int, text: str) -> int:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise RuleRefused(f"{file}:{line}", repr(text), "a time such as 2026-01-31T06:00:00Z") from error
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _value(file: Path, line: int, cell: str) -> float:
    if cell.strip().lower() in _FAILED:
        return float("nan")
    try:
        return float(cell)
    except ValueError as error:
        raise RuleRefused(f"{file}:{line}", repr(cell), "a number, bad, or nothing") from error


def _catalogue(keys: Sequence[str], whats: Sequence[SeriesChannel], columns: Sequence[Column]) -> Catalogue:
    sites = _numbered([what.site for what in whats])
    nodes = _numbered([(what.site, what.node) for what in whats])
    devices = _numbered([(what.site, what.node, what.device) for what in whats])
    places = _numbered([(what.site, what.place) for what in whats if what.place is not None])
    facts = []
    for row, (key, what, column) in enumerate(zip(keys, whats, columns, strict=True)):
        interval_s = what.interval_s or _median_interval_s(column.time_ms)
        allowance_s = what.allowance_s or max(2 * (interval_s or 0.0), _DEFAULT_ALLOWANCE_S)
        place_id = None if what.place is None else places[what.site, what.place]
        facts.append(
            ChannelFacts(
                channel_id=row + 1, group_id=row + 1, position=0, org_id=1, site_id=sites[what.site],
                node_id=nodes[what.site, what.node], device_id=devices[what.site, what.node, what.device],
                place_id=place_id, site=what.site, node=what.node, device=what.device, key=key, place=what.place,
                place_kind=what.place_kind, spot=what.spot, cable=what.cable, level=what.level, quantity=what.quantity,
                unit=quantity(what.quantity).unit, tags=what.tags, interval_s=interval_s, allowance_s=allowance_s,
                vitals=what.vitals, time_zone=what.time_zone, title=key, fill_level=what.fill_level,
            )
        )  # fmt: skip
    names = {("organisation", 1): "organisation"} | {("site", number): site for site, number in sites.items()}
    names |= {("node", number): node for (_, node), number in nodes.items()}
    names |= {("place", number): str(place) for (_, place), number in places.items()}
    return Catalogue(facts, names)


def _numbered(keys: Sequence[Any]) -> dict[Any, int]:
    return {key: number for number, key in enumerate(dict.fromkeys(keys), start=1)}


def _median_interval_s(time_ms: Int64) -> float | None:
    steps = np.diff(time_ms)
    positive: Flags = steps > 0
    return float(np.median(steps[positive])) / 1000 if positive.any() else None
