"""The three homes of the schema: plain PostgreSQL, TimescaleDB Apache edition, TimescaleDB Community.

What differs is here, in `sql/flavour.sql` and in the migration that makes the sample tables; nobody else asks.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.sql import SQL, Identifier

from siloscope_store.errors import DatabaseRefused
from siloscope_store.statements import statements

_SQL = statements("flavour.sql")
OLDEST_SERVER = 15_00_00


class Flavour(StrEnum):
    """Which home a database is."""

    PLAIN = "plain"
    TIMESCALE_APACHE = "timescale_apache"
    TIMESCALE_COMMUNITY = "timescale_community"


@dataclass(frozen=True)
class Span:
    """A chunk or partition of a table: what can go in one piece."""

    relation: str
    name: str
    begins: datetime
    ends: datetime
    size_bytes: int
    compressed: bool


def prepare(connection: Connection[Any]) -> None:
    """Make an empty database ready for the first migration: TimescaleDB is used where the server has loaded it.

    Raises:
        DatabaseRefused: The server is too old, or this user may not create the extension.
    """
    if connection.info.server_version < OLDEST_SERVER:
        raise DatabaseRefused(
            f"PostgreSQL {connection.info.server_version // 10_000} is too old; 15 or newer is needed"
        )
    if connection.execute(_SQL["timescale_wanted"]).fetchone() != (True,):
        return
    try:
        connection.execute(_SQL["create_timescale"])
    except psycopg.errors.InsufficientPrivilege:
        raise DatabaseRefused("this user may not run CREATE EXTENSION timescaledb; the database's owner can") from None


def flavour(connection: Connection[Any]) -> Flavour:
    """Return which home a migrated database is."""
    row = connection.execute(_SQL["flavour"]).fetchone()
    assert row is not None
    return Flavour(row[0])


def spans(connection: Connection[Any], relation: str) -> list[Span]:
    """Return the chunks or partitions of a table of samples or roll-ups, oldest first."""
    name = "spans_plain" if flavour(connection) is Flavour.PLAIN else "spans_timescale"
    return [Span(relation, *row) for row in connection.execute(_SQL[name], {"relation": relation}).fetchall()]


async def spans_of(connection: AsyncConnection[Any], relation: str) -> list[Span]:
    """Return the same for who asks over a pool."""
    row = await (await connection.execute(_SQL["flavour"])).fetchone()
    assert row is not None
    name = "spans_plain" if Flavour(row[0]) is Flavour.PLAIN else "spans_timescale"
    found = await connection.execute(_SQL[name], {"relation": relation})
    return [Span(relation, *each) for each in await found.fetchall()]


def lock_span(connection: Connection[Any], span: Span) -> None:
    """Wait until nobody writes or reads a span, and keep everybody out until the transaction ends.

    A partition cannot be dropped without its parent's lock, which comes first, as everybody takes it first.
    """
    if flavour(connection) is not Flavour.PLAIN:
        connection.execute(SQL(_SQL["lock_chunk"]).format(span=Identifier(span.name)))
        return
    connection.execute(SQL(_SQL["lock_parent"]).format(relation=Identifier(span.relation)))
    connection.execute(SQL(_SQL["lock_partition"]).format(span=Identifier(span.name)))


def drop_span(connection: Connection[Any], span: Span) -> None:
    """Drop a span that the caller has locked."""
    if flavour(connection) is Flavour.PLAIN:
        connection.execute(SQL(_SQL["drop_partition"]).format(span=Identifier(span.name)))
        return
    bounds = {"relation": f"public.{span.relation}", "begins": span.begins, "ends": span.ends}
    connection.execute(_SQL["drop_chunk"], bounds)


def compresses(found: Flavour) -> bool:
    """Say whether this home has compression: only the Community licence has."""
    return found is Flavour.TIMESCALE_COMMUNITY


def compress_span(connection: Connection[Any], span: Span) -> None:
    """Compress one chunk; what comes late goes beside what is compressed."""
    connection.execute(_SQL["compress_chunk"], {"span": span.name})
