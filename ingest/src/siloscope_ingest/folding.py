"""What a batch does for every message: folding its rows, and making of all of them what the database is to be sent.

`fold`, `incoming`, `accounted` and `learn` are compiled where they can be, else those that end in `_plainly`, which do
the same, to the byte.
"""

from collections.abc import Mapping
from typing import NamedTuple

import siloscope_native as native
from siloscope_ingest.entries import Row
from siloscope_store import sample_rows
from siloscope_store.ledger import accounted_rows
from siloscope_store.ranges import Range, merged, of_numbers

Stream = tuple[int, str]
"""Node and epoch."""

Numbers = dict[Stream, int | list[int]]
"""Of each stream its number, or its numbers: with many nodes nearly all have one, and a list is one more object."""

Table = dict[tuple[int, int], bytes]
"""Rows by group and time."""

LONG_AGO_MS = -(2**62)
"""Before all samples."""


class Gathered(NamedTuple):
    """What rows are gathered in.

    Attributes:
        span_ms: How long a span is, at least a second.
        open_spans: Those that exist, by their numbers, as `siloscope_ingest.batches.Span` says.
        tables: Where rows go to.
        newest: Per group, the time of the newest whole sample that is known to be committed.
        whole: Per group, the newest row that is a whole sample and newer than that.
        several: Groups of which more than one of those came.
        older: Groups of which one came that is not.
    """

    span_ms: int
    open_spans: set[int]
    tables: tuple[Table, ...]
    newest: dict[int, int]
    whole: dict[int, Row]
    several: set[int]
    older: set[int]


def fold_plainly(rows: list[Row], at: int, overtaken_ms: int, into: Gathered) -> int:
    """Fold rows into a batch that are what nearly every row is: of an open span, whole, and the first of their keys.

    Args:
        rows: An entry's.
        at: Where to begin.
        overtaken_ms: Of a later time than this, a row that is older than what is committed is left alone.
        into: What the batch has gathered.

    Returns:
        The place of the first row that is left alone, which may be in its table already; else how many there are.
    """
    span_ms, open_spans, tables, newest, whole, several, older = into
    for place in range(at, len(rows)):
        row = rows[place]
        part, time_ms, encoded = row
        if not part.whole or time_ms // span_ms * len(tables) + part.table not in open_spans:
            return place
        group_id = part.group_id
        if tables[part.table].setdefault((group_id, time_ms), encoded) is not encoded:
            return place
        committed_ms = newest.get(group_id, LONG_AGO_MS)
        if time_ms > committed_ms:
            note_whole(row, whole, several)
        elif overtaken_ms < time_ms < committed_ms:
            return place
        else:
            older.add(group_id)
    return max(at, len(rows))


def note_whole(row: Row, whole: dict[int, Row], several: set[int]) -> None:
    """Note a whole sample that is newer than what is committed of its group."""
    group_id = row[0].group_id
    known = whole.get(group_id)
    if known is None:
        whole[group_id] = row
    else:
        several.add(group_id)
        if known[1] < row[1]:
            whole[group_id] = row


def incoming_plainly(
    tables: tuple[Table, ...], whole: dict[int, Row], several: set[int], apart: Mapping[int, object]
) -> tuple[list[list[bytes]], int]:
    """Return rows as the database takes them.

    Args:
        tables: The rows.
        whole: Per group, the newest row that is a whole sample; where the group is not apart, the one in its table.
        several: Groups of which more than one of those came.
        apart: Groups whose newest values go to the database by themselves.

    Returns:
        Per table, rows of `siloscope_store.sample_rows.incoming`, ascending; how many of them are the newest.
    """
    newest = {row: group_id in several for group_id, (_, _, row) in whole.items() if group_id not in apart}
    return [sample_rows.incoming(sorted(table.values()), newest) for table in tables], len(newest)


def ranges(numbers: Numbers, evicted: Mapping[Stream, list[Range]]) -> dict[Stream, list[Range]]:
    """Return the numbers that are accounted for: those that came, and those that will never come."""
    found = {stream: of_numbers([came] if isinstance(came, int) else came) for stream, came in numbers.items()}
    for stream, declared in evicted.items():
        found[stream] = merged([*found.get(stream, []), *declared])
    return found


def accounted_plainly(numbers: Numbers, evicted: Mapping[Stream, list[Range]]) -> list[bytes]:
    """Return rows of the ledger, those of `siloscope_store.ledger.accounted_rows`."""
    return accounted_rows(ranges(numbers, evicted))


def learn_plainly(newest: dict[int, int], whole: dict[int, Row]) -> None:
    """Note the times of rows by their groups."""
    for group_id, (_, time_ms, _) in whole.items():
        newest[group_id] = time_ms


def _accounted(numbers: Numbers, evicted: Mapping[Stream, list[Range]]) -> list[bytes]:
    rows = None if evicted else native.accounted(numbers)
    return accounted_plainly(numbers, evicted) if rows is None else rows


fold = native.fold if native.IS_COMPILED else fold_plainly
incoming = native.incoming if native.IS_COMPILED else incoming_plainly
learn = native.learn if native.IS_COMPILED else learn_plainly
accounted = _accounted if native.IS_COMPILED else accounted_plainly
