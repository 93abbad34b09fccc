"""The three homes of the schema: plain PostgreSQL, TimescaleDB Apache edition, TimescaleDB Community.

What differs is here, in `sql/flavour.sql` and in the migration that makes the sample tables; nobody else asks.
"""

from enum import StrEnum
from typing import Any

import psycopg
from psycopg import Connection

from siloscope_store.errors import DatabaseRefused
from siloscope_store.statements import statements

_SQL = statements("flavour.sql")
OLDEST_SERVER = 15_00_00


class Flavour(StrEnum):
    """Which home a database is."""

    PLAIN = "plain"
    TIMESCALE_APACHE = "timescale_apache"
    TIMESCALE_COMMUNITY = "timescale_community"


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
