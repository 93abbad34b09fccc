"""From readings to rows: those of one group and time become one sample, and no element is written twice at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from siloscope_contract.quality import Quality
from siloscope_store.exchange.readings import Key, Reading, Refused
from siloscope_store.exchange.targets import Group, NoTarget, Target
from siloscope_store.exchange.times import utc
from siloscope_store.exchange.units import DECIMALS
from siloscope_store.sample_rows import PlainLayout, encode, latest_row
from siloscope_store.samples import SPAN_MS, SampleTable

Cell = tuple[int, int]
"""Group and time in milliseconds."""

NOT_PLAUSIBLE = int(Quality.NOT_PLAUSIBLE)


@dataclass(frozen=True)
class Window:
    """Times that are believed, in epoch milliseconds, both included."""

    oldest_ms: int
    newest_ms: int

    @property
    def expected(self) -> str:
        """In words."""
        return f"{utc(self.oldest_ms)} to {utc(self.newest_ms)}; --past-days and --future-days say otherwise"


@dataclass
class Pass:
    """Samples that hold at most one value for each element."""

    values: dict[Cell, list[float | None]] = field(default_factory=dict)
    codes: dict[Cell, dict[int, int]] = field(default_factory=dict)


@dataclass
class Assembled:
    """What a block becomes.

    Attributes:
        passes: To be written one after the other: a later one holds second values for elements of an earlier one.
        readings: How many readings are in them.
        repeated: How many said again what another one said.
    """

    groups: dict[int, Group] = field(default_factory=dict)
    passes: list[Pass] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    readings: int = 0
    repeated: int = 0


def assemble(readings: Iterable[Reading], known: Mapping[Key, Target | NoTarget], window: Window) -> Assembled:
    """Sort readings into samples, converted into the units of their channels."""
    made = Assembled()
    rest = [*_first(readings, known, window, made)]
    made.readings = len(rest)
    while rest:
        rest = _fill(rest, made)
    return made


_Placed = tuple[Group, int, int, float | None, int]


def _first(
    readings: Iterable[Reading], known: Mapping[Key, Target | NoTarget], window: Window, made: Assembled
) -> Iterable[_Placed]:
    oldest_ms, newest_ms, refuse = window.oldest_ms, window.newest_ms, made.refused.append
    unbelieved = 0
    for key, time_ms, value, code, line in readings:
        target = known[key]
        if isinstance(target, NoTarget):
            refuse(Refused(line, target.column, target.found, target.expected))
            continue
        if not oldest_ms <= time_ms <= newest_ms:
            if line != unbelieved:  # a row of a wide file has one time
                refuse(Refused(line, "time", utc(time_ms), window.expected))
            unbelieved = line
            continue
        if value is not None:
            if target.unit is not None:
                value = round(target.unit.to_canonical(value), DECIMALS)
            if not target.low <= value <= target.high:
                expected = f"{target.low:g} to {target.high:g}; stored as failed: not_plausible"
                refuse(Refused(line, key.channel, str(value), expected))
                value, code = None, NOT_PLAUSIBLE
        yield target.group, target.position, time_ms, value, code


def _fill(placed: Iterable[_Placed], made: Assembled) -> list[_Placed]:
    """Put readings into one pass; return those whose element has another value in it already."""
    one = Pass()
    made.passes.append(one)
    samples, all_codes, groups, again = one.values, one.codes, made.groups, []
    for entry in placed:
        group, position, time_ms, value, code = entry
        cell = (group.group_id, time_ms)
        row = samples.get(cell)
        if row is None:
            row = samples[cell] = [None] * group.length
            groups[group.group_id] = group
        kept = row[position]
        kept_code = all_codes[cell].get(position, 0) if cell in all_codes else 0
        if kept is None and not kept_code:
            row[position] = value
            if code:
                all_codes.setdefault(cell, {})[position] = code
        elif (kept, kept_code) == (value, code):
            made.repeated += 1
        else:
            again.append(entry)
    return again


def rows_of(one: Pass, groups: Mapping[int, Group]) -> dict[tuple[SampleTable, int], list[bytes]]:
    """Return the rows of a pass by table and span, ascending in each."""
    found: dict[tuple[SampleTable, int], list[bytes]] = {}
    layouts: dict[int, PlainLayout] = {}
    codes_of = one.codes
    for cell, values in one.values.items():
        group_id, time_ms = cell
        group = groups[group_id]
        if cell not in codes_of and None not in values:
            layout = layouts.get(group_id)
            if layout is None:
                layout = layouts[group_id] = PlainLayout(group_id, len(values))
            row = layout.encode(time_ms, values)  # type: ignore[arg-type]  # no None among them
        else:
            row = _uneven(group_id, time_ms, values, codes_of.get(cell, {}))
        found.setdefault((group.table, time_ms // SPAN_MS), []).append(row)
    for rows in found.values():
        rows.sort()
    return found


def _uneven(group_id: int, time_ms: int, values: list[float | None], codes: Mapping[int, int]) -> bytes:
    length = len(values)
    while length > 1 and values[length - 1] is None and length - 1 not in codes:
        length -= 1
    shown = values[:length]
    if not codes:
        return encode(group_id, time_ms, shown, None)
    return encode(group_id, time_ms, shown, [_code(at, value, codes) for at, value in enumerate(shown)])


def _code(at: int, value: float | None, codes: Mapping[int, int]) -> int | None:
    return codes.get(at, 0 if value is not None else None)


def latest_rows(passes: Iterable[Pass], newest_ms: int) -> list[bytes]:
    """Return rows of `latest`: per element the newest first value that is not in the future, ascending by group."""
    newest: dict[int, dict[int, tuple[int, float | None, int]]] = {}
    for one in list(passes)[:1]:
        positions: dict[int, set[int]] = {}
        for (group_id, _), values in one.values.items():
            seen = positions.setdefault(group_id, set())
            if len(seen) < len(values):
                seen.update(at for at, value in enumerate(values) if value is not None)
        for (group_id, _), codes in one.codes.items():
            positions[group_id].update(codes)
        for cell in sorted(one.values, reverse=True):
            group_id, time_ms = cell
            found = newest.setdefault(group_id, {})
            if time_ms > newest_ms or len(found) == len(positions[group_id]):
                continue
            codes = one.codes.get(cell, {})
            for at, value in enumerate(one.values[cell]):
                if at not in found and (value is not None or at in codes):
                    found[at] = (time_ms, value, codes.get(at, 0))
    return [_latest(group_id, found) for group_id, found in sorted(newest.items()) if found]


def _latest(group_id: int, found: Mapping[int, tuple[int, float | None, int]]) -> bytes:
    length = max(found) + 1
    times = [found[at][0] if at in found else None for at in range(length)]
    values = [found[at][1] if at in found else None for at in range(length)]
    codes = [found[at][2] if at in found else None for at in range(length)]
    return latest_row(group_id, times, values, codes if any(codes) else None)
