"""Checking a file of the archive: that it is there, is the one that was recorded, and can be read to its end."""

from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection

from siloscope_store.archive import catalogue
from siloscope_store.archive.catalogue import ArchiveFile
from siloscope_store.errors import ArchiveBroken
from siloscope_store.statements import statements

_SQL = statements("archive.sql")


def verify(connection: Connection[Any], directory: Path, file: ArchiveFile, *, at: datetime) -> None:
    """Check one file, and note when that was.

    Raises:
        ArchiveBroken: It is not what it should be.
    """
    from siloscope_store.archive import day_files  # the one slow import, for those who read a file

    path = directory / file.path
    catalogue.require_whole(connection, directory, file.key)
    try:
        found = day_files.totals(path).samples
    except day_files.DAMAGED as error:
        raise ArchiveBroken(str(path), f"cannot be read: {' '.join(str(error).split())}") from None
    if found != file.samples and catalogue.sha256(path) == file.sums[0]:
        raise ArchiveBroken(str(path), f"holds {found} samples; expected {file.samples}")
    with connection.transaction():
        connection.execute(_SQL["mark_verified"], {**file.key.parameters, "at": at})
