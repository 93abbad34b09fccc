"""Giving files up that are lost for good, so that they no longer stand in the way of what is left."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

from siloscope_store.archive import catalogue
from siloscope_store.archive.catalogue import ArchiveFile
from siloscope_store.errors import ArchiveBroken
from siloscope_store.statements import statements

_SQL = statements("archive.sql")


@dataclass(frozen=True)
class Lost:
    """A file that is missing or damaged.

    Attributes:
        file: What is recorded of it.
        problem: What is wrong with it.
        aside: The name that what is left of it gets; None where nothing is.
    """

    file: ArchiveFile
    problem: str
    aside: Path | None


def lost(connection: Connection[Any], directory: Path, file: ArchiveFile) -> Lost | None:
    """Return what is wrong with a file, or None where it is whole."""
    try:
        catalogue.require_whole(connection, directory, file.key)
    except ArchiveBroken as error:
        path = directory / file.path
        return Lost(file, error.problem, path.with_name(f"{path.name}.damaged") if path.exists() else None)
    return None


def forget(connection: Connection[Any], directory: Path, found: Lost) -> None:
    """Record a file no more. What is left of it stays under another name: somebody may be able to mend it.

    Killed before the name is changed, it is a file that nobody knows: `adopt` takes it over if it is whole.
    """
    with connection.transaction():
        connection.execute(_SQL["forget_file"], found.file.key.parameters)
    if found.aside is not None:
        (directory / found.file.path).rename(found.aside)
