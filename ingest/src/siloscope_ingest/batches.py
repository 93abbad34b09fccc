"""Batches: what one transaction writes, folded so that it touches every row once."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from siloscope_ingest.entries import Entry, Row
from siloscope_ingest.folding import (
    LONG_AGO_MS,
    Gathered,
    Numbers,
    Stream,
    Table,
    accounted,
    fold,
    incoming,
    learn,
    note_whole,
    ranges,
)
from siloscope_ingest.shapes import TABLES
from siloscope_store.ranges import Range
from siloscope_store.relative_messages import Message
from siloscope_store.sample_rows import decode, encode, latest_row
from siloscope_store.samples import IN_TIME_MS, MOST_NEW_SPANS, OVERTAKEN_MS, SPAN_MS

Span = int
"""A chunk or partition: its number since 1970, times the number of tables, plus its table's place in `TABLES`."""


@dataclass(frozen=True)
class Sealed:
    """What a batch has to write.

    Attributes:
        rows: Per table, those of `incoming`, ascending.
        newest: How many of them are the newest of whole groups.
        fresh: All of them are whole, and later than the newest that is known to be committed of their groups.
        partial: Rows of `latest` from samples of parts of groups, ascending.
        accounted: Rows of the numbers that are accounted for once this is committed, ascending.
    """

    rows: Sequence[list[bytes]]
    newest: int
    fresh: bool
    partial: list[bytes]
    accounted: list[bytes]


class Batch:
    """Entries for one transaction.

    Attributes:
        entries: All of them.
        exceptions: Those that bring more than samples.
        readings: How many readings they carry.
        payload_bytes: How large their messages are together.
        new_spans: Chunks or partitions that are to be opened.
        relative: Messages without times of their own, and when they arrived.

    Args:
        open_spans: Chunks or partitions that are known to exist.
        newest: Per group, the time of the newest whole sample that is known to be committed.
    """

    def __init__(self, open_spans: set[Span], newest: dict[int, int]) -> None:
        self.entries: list[Entry] = []
        self.exceptions: list[Entry] = []
        self.readings = 0
        self.payload_bytes = 0
        self.new_spans: set[Span] = set()
        self.relative: dict[Message, int] = {}
        self._open_spans = open_spans
        self._newest = newest
        self._rows: tuple[Table, ...] = tuple({} for _ in TABLES)
        self._contradicting: tuple[dict[bytes, None], ...] = tuple({} for _ in TABLES)
        self._whole: dict[int, Row] = {}
        self._several: set[int] = set()
        self._older: set[int] = set()
        self._silent: set[tuple[int, int]] = set()
        self._gathered = Gathered(SPAN_MS, open_spans, self._rows, newest, self._whole, self._several, self._older)
        self._elements: dict[int, _Elements] = {}
        self._is_fresh = True
        self._numbers: Numbers = {}
        self._evicted: dict[Stream, list[Range]] = {}
        self._sealed: Sealed | None = None

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, entry: Entry) -> Entry | None:
        """Take an entry; return what of it must wait for a later batch.

        It waits where a batch would open more spans than a transaction may. Of two different values for one element
        the first is written, and the other is compared with what the database keeps, in the same transaction.
        """
        rows = entry.rows
        overtaken_ms = entry.delivery.received_ms - OVERTAKEN_MS
        at = fold(rows, 0, overtaken_ms, self._gathered)
        while at < len(rows):  # what is there is not usual
            if not self._add_row(rows[at], entry.delivery.received_ms):
                head, rest = entry.split(at)
                if at:
                    self.entries.append(head)
                return rest
            at = fold(rows, at + 1, overtaken_ms, self._gathered)
        self.entries.append(entry)
        if entry.is_exception:
            self.exceptions.append(entry)
        self.readings += entry.readings
        self.payload_bytes += len(entry.delivery.payload)
        if entry.stream is not None and entry.seq is not None and entry.completes:
            known = self._numbers.setdefault(entry.stream, entry.seq)
            if isinstance(known, list):
                known.append(entry.seq)
            elif known != entry.seq:
                self._numbers[entry.stream] = [known, entry.seq]
        if entry.relative is not None:
            self.relative[entry.relative] = entry.delivery.received_ms
        for epoch, evicted in entry.evicted:
            if entry.node_id is not None:
                self._evicted.setdefault((entry.node_id, epoch), []).append(evicted)
        return None

    def contradicting(self, table: int) -> list[bytes]:
        """Return rows that say something else than those of `rows`, in order of arrival; their keys are among those.

        What they fill of them is in those already.
        """
        return list(self._contradicting[table])

    def late_at_ms(self, table: int) -> int | None:
        """Return when a table's rows arrived, where any of them may count as late; None where none can."""
        arrived_ms = self.entries[-1].delivery.received_ms if self.entries else None
        times = map(_TIME_OF_KEY, self._rows[table])
        return arrived_ms if arrived_ms is not None and arrived_ms - min(times) > IN_TIME_MS else None

    def spans(self, table: int) -> list[int]:
        """Return the numbers since 1970 of a table's spans that are not known to exist."""
        return sorted(span // len(TABLES) for span in self.new_spans if span % len(TABLES) == table)

    def sealed(self) -> "Sealed":
        """Return what there is to be written, worked out once: nothing may be added from here on."""
        if self._sealed is None:
            partial = self._partial_latest()
            rows, newest = incoming(self._rows, self._whole, self._several, self._elements)
            fresh = self._is_fresh and not self._older and self._whole.keys() <= self._newest.keys()
            self._sealed = Sealed(rows, newest, fresh, partial, accounted(self._numbers, self._evicted))
        return self._sealed

    def _partial_latest(self) -> list[bytes]:
        """Return rows of `latest` from samples of parts of groups, ascending."""
        if not self._elements:
            return []
        for group_id, (_, time_ms, row) in self._whole.items():
            if group_id in self._elements:
                self._elements[group_id].take(time_ms, row, several=group_id in self._several)
        return [elements.row() for _, elements in sorted(self._elements.items())]

    def newest(self) -> dict[int, int]:
        """Return, per group, the time of the newest whole sample."""
        found: dict[int, int] = {}
        self.teach(found)
        return found

    def teach(self, newest: dict[int, int]) -> None:
        """Note, per group, the time of the newest whole sample."""
        learn(newest, self._whole)

    def streams(self) -> list[Stream]:
        """Return whose numbers this accounts for: (node_id, epoch)."""
        return [*self._numbers, *self._evicted]

    def accounted(self) -> dict[Stream, list[Range]]:
        """Return the numbers that are accounted for once this is committed."""
        return ranges(self._numbers, self._evicted)

    def _add_row(self, row: Row, received_ms: int) -> bool:
        part, time_ms, encoded = row
        span = time_ms // SPAN_MS * len(TABLES) + part.table
        if span not in self._open_spans and not self._may_open(span):
            return False
        rows = self._rows[part.table]
        key = (part.group_id, time_ms)
        known = rows.setdefault(key, encoded)
        if known is encoded:
            whole = part.whole
            if not part.moves_latest:
                self._silent.add(key)
        elif known == encoded:
            if not part.moves_latest or key not in self._silent:
                return True
            rows[key], whole = encoded, part.whole  # its clock was ahead when it came first, and is no more
            self._silent.discard(key)
        else:
            both, contradict = folded(known, encoded)
            if contradict:
                self._contradicting[part.table][encoded] = None
                if both == known:
                    return True
            rows[key] = encoded = both
            whole = False
            if part.group_id in self._whole:  # its newest row may be this one, which is not the same any more
                self._element(part.group_id)
        if not whole:
            self._is_fresh = False
            if part.moves_latest:
                self._element(part.group_id).take(time_ms, encoded)
        elif time_ms > self._newest.get(part.group_id, LONG_AGO_MS):
            note_whole(row, self._whole, self._several)
        else:
            self._overtaken(row, received_ms)
        return True

    def _overtaken(self, row: Row, received_ms: int) -> None:
        """Let a whole sample that is not the newest be counted, where it may be in time: alerting looks for it then."""
        self._is_fresh = False
        part, time_ms, encoded = row
        if received_ms - time_ms < OVERTAKEN_MS and time_ms < self._newest[part.group_id]:
            self._element(part.group_id).take(time_ms, encoded)

    def _may_open(self, span: Span) -> bool:
        if span not in self.new_spans:
            if len(self.new_spans) >= MOST_NEW_SPANS:
                return False
            self.new_spans.add(span)
        return True

    def _element(self, group_id: int) -> "_Elements":
        found = self._elements.get(group_id)
        if found is None:
            found = self._elements[group_id] = _Elements(group_id)
        return found


_TIME_OF_KEY = itemgetter(1)


class _Elements:
    """The newest value of each position of a group, each with its own time."""

    __slots__ = ("_codes", "_group_id", "_several", "_time_ms", "_times_ms", "_values")

    def __init__(self, group_id: int) -> None:
        self._group_id = group_id
        self._time_ms: int | None = None
        self._several = False
        self._times_ms: list[int | None] = []
        self._values: list[float | None] = []
        self._codes: list[int | None] = []

    def take(self, time_ms: int, encoded: bytes, *, several: bool = False) -> None:
        """Take what is newer in a sample's row; `several`: it is not the only one that came."""
        self._several |= several or self._time_ms not in (None, time_ms)
        self._time_ms = time_ms
        sample = decode(encoded)
        codes = sample.quality or [None] * len(sample.values)
        for column in (self._times_ms, self._values, self._codes):
            column.extend([None] * (len(sample.values) - len(column)))
        for at, (value, code) in enumerate(zip(sample.values, codes, strict=True)):
            known_ms = self._times_ms[at]
            if (value is not None or code is not None) and (known_ms is None or known_ms <= time_ms):
                self._times_ms[at], self._values[at], self._codes[at] = time_ms, value, code

    def row(self) -> bytes:
        codes = _coded(self._values, self._codes) if any(self._codes) else None
        return latest_row(self._group_id, self._times_ms, self._values, codes, several=self._several)


def folded(first: bytes, second: bytes) -> tuple[bytes, bool]:
    """Return the first of two rows of the same group and time, filled from the second, and whether they contradict."""
    contradict = False
    one, two = decode(first), decode(second)
    length = max(len(one.values), len(two.values))
    values, codes = _columns(one.values, one.quality, length)
    for at, (value, code) in enumerate(zip(*_columns(two.values, two.quality, length), strict=True)):
        if value is None and code is None:
            continue
        if values[at] is None and codes[at] is None:
            values[at], codes[at] = value, code
        elif (values[at], codes[at]) != (value, code):
            contradict = True
    return encode(one.group_id, one.time_ms, values, codes if any(codes) else None), contradict


def _columns(
    values: Sequence[float | None], quality: Sequence[int | None] | None, length: int
) -> tuple[list[float | None], list[int | None]]:
    """Return values and explicit codes of a given length: 0 for what is good, None for what was not reported."""
    tail = [None] * (length - len(values))
    codes = _coded(values, quality or [None] * len(values))
    return [*values, *tail], [*codes, *tail]


def _coded(values: Sequence[float | None], codes: Sequence[int | None]) -> list[int | None]:
    return [0 if value is not None and not code else code for value, code in zip(values, codes, strict=True)]
