"""The schema and its migrations: plain `.sql` files with a `.rollback.sql` beside each, run by yoyo.

Two things are ours. An advisory lock replaces yoyo's lock table, whose row outlives a killed migration. A migration and
its mark commit together, so that no kill leaves one without the other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration, MigrationList, default_migration_table, read_migrations

from siloscope_store import flavour, tenancy
from siloscope_store.connections import connect, first_line, one_line_errors, session_conninfo
from siloscope_store.errors import DatabaseRefused, NameUnknown, SchemaOutdated
from siloscope_store.statements import statements

_SQL = statements("schema.sql")
_APPLICATION = "siloscope db"
_TRIES = 100
_PATIENT_EVERY = 10
"""Of so many tries one waits until the server ends a vacuum of its own that is in the way."""
_MET_SOMEBODY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


@dataclass(frozen=True)
class MigrationState:
    """One migration and whether this database has it."""

    name: str
    applied: bool


def names() -> list[str]:
    """Return the names of all migrations that ship with this program, oldest first."""
    return [migration.id for migration in _shipped()]


def migrate(url: str, *, to: str | None = None) -> list[str]:
    """Bring the database up to date, or up to one migration, and return what was applied.

    Raises:
        DatabaseRefused: The server refuses a statement, for example for want of rights.
        DatabaseUnavailable: No server answers.
        NameUnknown: `to` names no migration.
    """
    wanted = _up_to(to)
    with _exclusive(url) as owner:
        flavour.prepare(owner)
        with _backend(url) as backend:
            applied = [migration for migration in backend.to_apply(_shipped()) if migration.id in wanted]
            for migration in applied:
                _apply(backend, migration)
        tenancy.grant_all(owner)
    return [migration.id for migration in applied]


def roll_back(url: str, count: int) -> list[str]:
    """Take back the newest `count` migrations and return their names, newest first. Their tables lose their rows."""
    with _exclusive(url), _backend(url) as backend:
        undone = list(backend.to_rollback(_shipped()))[:count]
        for migration in undone:
            with _refusal(migration.id), backend.transaction():
                migration.process_steps(backend, "rollback")
                backend.unmark_one(migration, log=False)
    return [migration.id for migration in undone]


def states(connection: Connection[Any]) -> list[MigrationState]:
    """Return every shipped migration, then those that only the database knows."""
    applied = _applied(connection)
    shipped = names()
    return [
        *(MigrationState(name, name in applied) for name in shipped),
        *(MigrationState(name, True) for name in sorted(applied - set(shipped))),
    ]


def require_current(connection: Connection[Any]) -> None:
    """Check that the schema is the one this program was written for; a service calls this when it starts.

    Raises:
        SchemaOutdated: A migration is missing.
    """
    missing = [name for name in names() if name not in _applied(connection)]
    if missing:
        raise SchemaOutdated(f"the database lacks {missing[0]}; run 'siloscope db migrate' first")


def _applied(connection: Connection[Any]) -> set[str]:
    if connection.execute(_SQL["migration_table"]).fetchone() == (None,):
        return set()
    return {name for (name,) in connection.execute(_SQL["applied"]).fetchall()}


def _shipped() -> MigrationList:
    return read_migrations(str(files("siloscope_store").joinpath("migrations")))


def _up_to(last: str | None) -> set[str]:
    known = names()
    if last is None:
        return set(known)
    if last not in known:
        raise NameUnknown("migration", last)
    return set(known[: known.index(last) + 1])


def _apply(backend: PostgresqlPsycopgBackend, migration: Migration) -> None:
    """Apply a migration, patiently: workers of the version before write meanwhile.

    Whoever waits for a table's lock holds up everybody who comes after; so each try gives up soon and lets them by. But
    a vacuum that the server began by itself only ends for somebody who waits longer than that.
    """
    for tries_left in reversed(range(_TRIES)):
        wait = "wait_briefly" if tries_left % _PATIENT_EVERY else "wait_for_a_vacuum"
        try:
            with _refusal(migration.id), backend.transaction():
                backend.execute(_SQL[wait])
                migration.process_steps(backend, "apply")
                backend.mark_one(migration, log=False)
        except DatabaseRefused as error:
            if not tries_left or not isinstance(error.__cause__, _MET_SOMEBODY):
                raise
        else:
            return


@contextmanager
def _exclusive(url: str) -> Iterator[Connection[Any]]:
    """Hold the migration lock on a session of its own: it ends with the session, however that ends."""
    with connect(url, application_name=_APPLICATION, autocommit=True) as owner:
        owner.execute(_SQL["lock_migrations"])
        yield owner


@contextmanager
def _backend(url: str) -> Iterator[PostgresqlPsycopgBackend]:
    given = conninfo_to_dict(session_conninfo(url, _APPLICATION))
    with one_line_errors(url):
        backend = PostgresqlPsycopgBackend(
            DatabaseURI("", None, None, None, None, None, given), default_migration_table
        )
    with backend:
        backend.create_lock_table()
        # Whoever left a row here is gone: we hold the advisory lock.
        backend.break_lock()
        backend.ensure_internal_schema_updated()
        yield backend


@contextmanager
def _refusal(name: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise DatabaseRefused(f"migration {name} was refused and taken back: {first_line(error)}") from error
