"""Weeks far from now: opened on request, so many a day, whoever asks."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from psycopg import AsyncConnection

from siloscope_process.clock import from_ms
from siloscope_store.samples import SPAN_MS, SampleTable
from siloscope_store.statements import statements

_SQL = statements("spans.sql")
Span = tuple[SampleTable, int]
"""A table, and the number of one of its spans since 1970."""


@dataclass
class Book:
    """What was granted, and what is granted now.

    Attributes:
        open: Spans that may be written to.
        granted: How many were granted in the last day, by whether they were walked to.
        grants: What is to be written down: on whose behalf, and whether it was walked to.
    """

    open: set[Span]
    granted: dict[bool, int]
    grants: dict[Span, tuple[int | None, bool]] = field(default_factory=dict)

    def grant(self, span: Span, node_id: int | None, *, walks: bool, most: int) -> bool:
        """Say whether a span may be written to, granting it where so few were granted in the last day that it may be.

        Args:
            span: One of those that the book was opened for.
            node_id: On whose behalf.
            walks: It lies beside one that the node wrote to; such ones are counted apart.
            most: How many of its kind may be granted in a day.
        """
        if span in self.open:
            return True
        if self.granted[walks] >= most:
            return False
        self.granted[walks] += 1
        self.grants[span] = (node_id, walks)
        self.open.add(span)
        return True


async def open_book(connection: AsyncConnection[Any], wanted: Collection[Span]) -> Book:
    """Return what is to be known about these spans; nobody else opens any until the transaction ends.

    Args:
        connection: In a transaction.
        wanted: The spans.
    """
    await connection.execute(_SQL["lock"])
    asked = [(table.value, span, from_ms(span * SPAN_MS)) for table, span in wanted]
    found = await connection.execute(
        _SQL["open_ones"],
        {
            "relations": [each[0] for each in asked],
            "spans": [each[1] for each in asked],
            "starts": [each[2] for each in asked],
        },
    )
    is_open = {(SampleTable(relation), span) for relation, span in await found.fetchall()}
    row = await (await connection.execute(_SQL["granted"])).fetchone()
    assert row is not None
    return Book(is_open, {True: row[0], False: row[1]})


async def write_book(connection: AsyncConnection[Any], book: Book) -> None:
    """Write down what was granted, in the transaction that opened the book."""
    if not book.grants:
        return
    grants = [(table.value, from_ms(span * SPAN_MS), *whose) for (table, span), whose in book.grants.items()]
    names = ("relations", "starts", "node_ids", "walks")
    await connection.execute(_SQL["grant"], {name: [each[at] for each in grants] for at, name in enumerate(names)})
