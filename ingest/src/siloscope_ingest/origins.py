"""Which pack brought a value: told where another pack contradicts it, as far back as memory is spent on it."""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain

from siloscope_ingest.batches import Batch
from siloscope_ingest.entries import Entry
from siloscope_store.sample_rows import decode
from siloscope_store.samples import UNKNOWN_ORIGIN, Conflict, Difference, Origin

_MOST_BYTES = 4 * 2**20
_MOST_ENTRIES = 12_000
"""An entry of a message of a few bytes takes more than a kilobyte."""
_NOBODY = (UNKNOWN_ORIGIN,)
_Value = tuple[int, int, int, float | None, int]
"""group_id, time_ms, position, and what is said there: value and quality."""


class RecentBatches:
    """The entries with samples of the last committed batches; the oldest go first.

    Args:
        most_bytes: How large their messages may be together.
        most_entries: How many they may be.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES, most_entries: int = _MOST_ENTRIES) -> None:
        self._most_bytes = most_bytes
        self._most_entries = most_entries
        self._bytes = self._entries = 0
        self._batches: deque[tuple[int, Sequence[Entry]]] = deque()

    def add(self, batch: Batch) -> None:
        """Remember a committed batch."""
        entries = [entry for entry in batch.entries if entry.rows] if batch.exceptions else batch.entries
        if not entries:
            return
        self._batches.append((batch.payload_bytes, entries))
        self._bytes += batch.payload_bytes
        self._entries += len(entries)
        while self._bytes > self._most_bytes or self._entries > self._most_entries:
            size_bytes, oldest = self._batches.popleft()
            self._bytes -= size_bytes
            self._entries -= len(oldest)

    @property
    def remembered(self) -> int:
        """How many entries are remembered."""
        return self._entries

    def conflicts(self, differences: Sequence[Difference], batch: Batch) -> list[Conflict]:
        """Return the differences that a batch met, with the packs that brought what is kept and what is not.

        Where several packs of the batch say the same other thing, each of them contradicts.
        """
        if not differences:
            return []
        remembered = (entry for _, entries in self._batches for entry in entries)
        # What is kept may have come with this very batch; who was first is named.
        kept = _origins({_kept(each) for each in differences}, chain(remembered, batch.entries))
        other = _origins({_other(each) for each in differences}, batch.entries)
        return [
            Conflict(each, kept.get(_kept(each), _NOBODY)[0], said_by)
            for each in differences
            for said_by in other.get(_other(each), _NOBODY)
        ]


def _origins(values: set[_Value], entries: Iterable[Entry]) -> dict[_Value, Sequence[Origin]]:
    """Return what brought each value, where that is among the entries: who was first, and then the others."""
    keys = {value[:2] for value in values}
    found: dict[_Value, dict[Origin, None]] = {}
    for entry in entries:
        for part, time_ms, row in entry.rows:
            if (part.group_id, time_ms) not in keys:
                continue
            for value in _said(part.group_id, time_ms, row):
                if value in values:
                    origin = Origin(None if entry.stream is None else entry.stream[1], entry.seq)
                    found.setdefault(value, {})[origin] = None
    return {value: list(origins) for value, origins in found.items()}


def _said(group_id: int, time_ms: int, row: bytes) -> Iterable[_Value]:
    """Give all that a row says."""
    sample = decode(row)
    codes = sample.quality or [None] * len(sample.values)
    for position, (value, code) in enumerate(zip(sample.values, codes, strict=True)):
        if value is not None or code is not None:
            yield group_id, time_ms, position, value, code or 0


def _kept(of: Difference) -> _Value:
    return of.group_id, of.time_ms, of.position, of.kept_value, of.kept_quality


def _other(of: Difference) -> _Value:
    return of.group_id, of.time_ms, of.position, of.other_value, of.other_quality
