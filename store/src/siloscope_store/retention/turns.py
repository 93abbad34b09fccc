"""Retention, archive and restore take turns: none of them sees another's half-done work."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection

from siloscope_store.errors import ArchiveBusy
from siloscope_store.statements import statements

_SQL = statements("retention.sql")
_WRITING = statements("samples.sql")


@contextmanager
def turn(connection: Connection[Any]) -> Iterator[None]:
    """Hold the turn; it ends with the block, or with the session.

    What is deleted or put back may lie in compressed chunks, and is as much as it is.

    Raises:
        ArchiveBusy: Somebody else is at work.
    """
    if connection.execute(_SQL["lock_turn"]).fetchone() != (True,):
        raise ArchiveBusy("retention, archive or restore is at work already; try again when it is done")
    connection.execute(_WRITING["allow_late"])
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(_SQL["unlock_turn"])
