"""Giving a store a new generation by hand, for a restore that leaves no other trace."""

from typing import Any

from psycopg import Connection

from siloscope_store.statements import statements

_SQL = statements("backups.sql")


def renew(connection: Connection[Any]) -> str | None:
    """Make the generation new and return it; None where the store has no identity yet.

    A restore into another cluster, a recovery that opens a timeline and a promotion are recognised without this. A
    snapshot of the disk that is put back, or a base backup that is merely started, is recognised by the first node that
    was told of more; this tells it before.
    """
    row = connection.execute(_SQL["renew_generation"]).fetchone()
    return None if row is None else str(row[0])
