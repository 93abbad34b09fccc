"""The spool's SQLite file: opened, checked, and set aside where it is damaged."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from siloscope_edge import statements
from siloscope_edge.errors import SpoolFull, SpoolUnusable

FILE_NAME = "spool.sqlite3"
CHECKED_BYTES = 64 * 1024 * 1024
"""A file up to this size is checked whole at every start; of a larger one damage shows when it is met."""

_PAGE_BYTES = 512
"""A commit of two seconds is some hundred bytes: with pages of 4 KiB it cost the flash half as much again."""

_JOURNAL_BYTES = 4 * 1024 * 1024
"""The journal is folded into the file at this size: seldom, for the flash's sake; and it fits into the reserve."""

SQL = statements.load("spool.sql")
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def connect(file: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the file, making it where there is none.

    Raises:
        SpoolUnusable: It is damaged, or something else than a spool.
        SpoolFull: The disk does not let it be opened now.
    """
    with translated_errors():
        mode = "ro" if read_only else "rwc"
        connection = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=5,
        )
        try:
            _prepare(connection, file, read_only=read_only)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what happens inside, durably, or nothing of it.

    Raises:
        SpoolFull: The disk takes no more; nothing happened.
        SpoolUnusable: The file is damaged.
    """
    with translated_errors():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                connection.execute("ROLLBACK")
            raise


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise SQLite's errors as what the caller must do about them."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGED:
            raise SpoolUnusable(str(error)) from error
        if isinstance(error, sqlite3.OperationalError):
            raise SpoolFull(str(error)) from error
        raise


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return how much of the file holds something: freed pages are used again and do not count."""
    pages, free, size = (_pragma(connection, name) for name in ("page_count", "freelist_count", "page_size"))
    return (pages - free) * size


def fold_journal(connection: sqlite3.Connection) -> None:
    """Fold the journal into the file and begin it anew in place, so that the next commit needs no fresh disk space.

    Raises:
        SpoolFull: The disk has no room even for that.
    """
    with translated_errors():
        connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()


def set_aside(file: Path, stamp: str) -> Path:
    """Rename a damaged file, and the journal that belongs to it, so that a new one can be started."""
    kept = file.with_name(f"{file.name}.damaged-{stamp}")
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            file.with_name(file.name + suffix).rename(kept.with_name(kept.name + suffix))
    return kept


def _prepare(connection: sqlite3.Connection, file: Path, *, read_only: bool) -> None:
    if read_only:
        return
    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # of a new file; an old one keeps its own
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_JOURNAL_BYTES // _pragma(connection, 'page_size')}")
    connection.execute("PRAGMA temp_store = MEMORY")
    if file.stat().st_size <= CHECKED_BYTES:
        with closing(connection.execute("PRAGMA quick_check(1)")) as cursor:
            word = cursor.fetchone()[0]
        if word != "ok":
            raise SpoolUnusable(str(word))
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {SQL['schema']} COMMIT;")
        _upgrade(connection)
        for name in ("epochs", "newest_sample", "confirmed", "undated_ordinals"):
            connection.execute(SQL[name]).fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # a table of another shape
            raise SpoolUnusable(f"not a spool: {error}") from error
        raise


def _upgrade(connection: sqlite3.Connection) -> None:
    """Add what a file of an earlier version lacks; all that it holds has dates."""
    connection.execute("BEGIN IMMEDIATE")
    for table, column in (("epoch", "boot"), ("pack", "dated"), ("pack", "thinned_to_ms")):
        if (column,) not in connection.execute(SQL[f"{table}_columns"]).fetchall():
            connection.execute(SQL[f"add_{column}"])
    connection.execute(SQL["index_undated"])
    connection.execute("COMMIT")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
