"""What will never come from this spool, as gap records: behind what it keeps, or too large for any message."""

import sqlite3
from collections.abc import Sequence

from siloscope_contract.gaps import Gap, GapKind
from siloscope_edge.epochs import EpochState
from siloscope_edge.instants import is_since_boot
from siloscope_edge.spans import Spans
from siloscope_edge.spool_file import SQL, translated_errors


def lost(connection: sqlite3.Connection, state: EpochState, accounted: Spans, now_ms: int) -> list[Gap]:
    """Return gap records for numbers that left as committed and that a new generation does not hold."""
    missing = Spans([(1, state.lowest)]).without(accounted)
    detail = "the database went back behind what the spool keeps"
    return [
        Gap(
            GapKind.EVICTED,
            *_times(connection, state, first, end, now_ms),
            state.epoch,
            first,
            end - 1,
            detail=detail,
        )
        for first, end in missing.ranges()
    ]


def unsendable(
    connection: sqlite3.Connection, epochs: Sequence[EpochState], number: int, size_bytes: int, now_ms: int
) -> Gap | None:
    """Return the gap record that declares a pack which no broker would take; None where it is no longer here."""
    state = next((each for each in epochs if each.base <= number < each.base + each.next), None)
    with translated_errors():
        times = connection.execute(SQL["pack_times"], (number,)).fetchone()
    if state is None or times is None:
        return None
    seq = number - state.base
    detail = f"the pack has {size_bytes} bytes and no message may be so large"
    from_ms, to_ms = (now_ms if each is None else each for each in times)
    return Gap(GapKind.EVICTED, from_ms, to_ms, state.epoch, seq, seq, detail=detail)


def _times(connection: sqlite3.Connection, state: EpochState, first: int, end: int, now_ms: int) -> tuple[int, int]:
    """Return what time departed numbers were of; where nobody noted that, at most the epoch's own."""
    with translated_errors():
        noted = connection.execute(SQL["departed_times"], (state.base + first, state.base + end)).fetchone()
        (opened_ms,) = connection.execute(SQL["opened"], (state.ordinal,)).fetchone()
        kept = connection.execute(SQL["pack_times"], (state.base + state.lowest,)).fetchone()
    if noted[0] is not None:
        return noted[0], noted[1]
    to_ms = kept[0] if kept is not None else now_ms
    return to_ms if is_since_boot(opened_ms) else min(opened_ms, to_ms), to_ms
