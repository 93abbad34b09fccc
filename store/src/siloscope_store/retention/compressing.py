"""Which chunks are to be compressed, where TimescaleDB Community is: elsewhere none is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from siloscope_store import flavour
from siloscope_store.flavour import Span
from siloscope_store.retention.plan import ROLLUP_RELATIONS, SAMPLE_RELATIONS


def due(connection: Connection[Any], before: datetime) -> Sequence[Span]:
    """Return the chunks that nobody has written to regularly since then and that are not compressed, oldest first."""
    if not flavour.compresses(flavour.flavour(connection)):
        return []
    found = [
        span for relation in (*SAMPLE_RELATIONS, *ROLLUP_RELATIONS) for span in flavour.spans(connection, relation)
    ]
    return chosen(found, before)


def chosen(spans: Sequence[Span], before: datetime) -> list[Span]:
    """Return those of the spans that are to be compressed, oldest first."""
    return sorted(
        (span for span in spans if not span.compressed and span.ends <= before),
        key=lambda span: (span.begins, span.relation),
    )


def compress(connection: Connection[Any], span: Span) -> None:
    """Compress one chunk; what comes late is written to it all the same."""
    flavour.compress_span(connection, span)
