"""Reading what a spool's file says of itself: its epochs, whose marks it holds, how far its samples go."""

import json
import sqlite3

from siloscope_edge.epochs import EpochState, first_number
from siloscope_edge.spans import Spans
from siloscope_edge.spool_file import SQL, translated_errors
from siloscope_edge.watermark import Generation


def read_epochs(connection: sqlite3.Connection) -> list[EpochState]:
    """Return the file's epochs, oldest first; where packs are, they tell how far an epoch went."""
    found = []
    with translated_errors():
        for ordinal, epoch, _, next_seq, accounted in connection.execute(SQL["epochs"]).fetchall():
            state = EpochState(ordinal, epoch, next_seq, next_seq, Spans(map(tuple, json.loads(accounted))))
            low, high = connection.execute(SQL["bounds"], (state.base, first_number(ordinal + 1))).fetchone()
            if low is not None:
                state.lowest, state.next = low - state.base, high - state.base + 1
            found.append(state)
    return found


def read_generation(connection: sqlite3.Connection) -> Generation | None:
    """Return the generation that the file's marks are of."""
    with translated_errors():
        row = connection.execute(SQL["confirmed"]).fetchone()
    return Generation(*row) if row is not None else None


def newest_sample_ms(connection: sqlite3.Connection) -> int | None:
    """Return the time of the newest spooled sample."""
    with translated_errors():
        row = connection.execute(SQL["newest_sample"]).fetchone()
    return row[0] if row is not None else None
