"""What is known of archive files, and which days of which site want one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier

from siloscope_store.errors import ArchiveBroken, NameUnknown
from siloscope_store.samples import SampleTable
from siloscope_store.statements import statements

_SQL = statements("archive.sql")
_CHUNK_BYTES = 2**20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TABLES = {"measurements": SampleTable.MEASUREMENTS, "vitals": SampleTable.VITALS}


@dataclass(frozen=True)
class ArchiveSite:
    """A site as an archive knows it."""

    site_id: int
    org_id: int
    organisation: str
    site: str
    time_zone: str


@dataclass(frozen=True)
class DayKey:
    """One local date of a site and retention class: what one file holds."""

    site: ArchiveSite
    retention_class: str
    day: date

    @property
    def path(self) -> str:
        """Where its file is, relative to the archive directory."""
        ending = ".parquet" if self.retention_class == "measurements" else f".{self.retention_class}.parquet"
        folder = f"{self.site.organisation}/{self.site.site}/{self.day.year:04}"
        return f"{folder}/{self.day.isoformat()}{ending}"

    @property
    def parameters(self) -> dict[str, Any]:
        """What statements call it by."""
        return {
            "site_id": self.site.site_id,
            "org_id": self.site.org_id,
            "zone": self.site.time_zone,
            "retention_class": self.retention_class,
            "day": self.day,
        }


@dataclass(frozen=True)
class FileRecord:
    """What is recorded of a file while it is made; it covers [begins, ends), where that is known."""

    path: str
    version: int
    sums: tuple[bytes | None, bytes | None]
    final: bool
    emptying: bool
    begins: datetime | None
    ends: datetime | None


@dataclass(frozen=True)
class ArchiveFile:
    """A file of the list; `emptied` says that raw samples of the day may be gone."""

    key: DayKey
    path: str
    version: int
    samples: int
    readings: int
    size_bytes: int
    sums: tuple[bytes | None, bytes | None]
    final: bool
    emptied: bool
    archived_at: datetime
    first_time: datetime | None
    last_time: datetime | None


def sites(connection: Connection[Any], organisation: str | None = None, site: str | None = None) -> list[ArchiveSite]:
    """Return the sites of that name.

    Raises:
        NameUnknown: A name was given and nothing has it.
    """
    found = connection.execute(_SQL["sites"], {"org": organisation, "site": site}).fetchall()
    if not found and (organisation or site):
        raise NameUnknown("site", f"{organisation or '*'}/{site or '*'}")
    return [ArchiveSite(*row) for row in found]


def days_with_samples(
    connection: Connection[Any], site: ArchiveSite, retention_class: str, begins: datetime, ends: datetime
) -> list[DayKey]:
    """Return the local dates that meet [begins, ends) and have a sample."""
    parameters = {
        "site_id": site.site_id,
        "zone": site.time_zone,
        "retention_class": retention_class,
        "begins": begins,
        "ends": ends,
    }
    found = connection.execute(statement("days_with_samples", retention_class), parameters).fetchall()
    return [DayKey(site, retention_class, day) for (day,) in found]


def record(connection: Connection[Any], key: DayKey) -> FileRecord | None:
    """Return what is recorded of a day's file."""
    row = connection.execute(_SQL["file"], key.parameters).fetchone()
    return (
        None
        if row is None
        else FileRecord(row[0], row[1], (row[2], row[3]), row[4], row[5] is not None, row[6], row[7])
    )


def is_archived(connection: Connection[Any], key: DayKey) -> bool:
    """Return whether everything that is stored of a day behind the horizon is in its file."""
    found = record(connection, key)
    if found is None or not found.final or found.begins is None or found.ends is None:
        return False
    begins, ends = bounds(connection, key)
    return found.begins <= begins and ends <= found.ends and last_due(connection, key) is None


def bounds(connection: Connection[Any], key: DayKey) -> tuple[datetime, datetime]:
    """Return when a local date begins and ends, in the zone that its site has now."""
    row = connection.execute(_SQL["day_bounds"], key.parameters).fetchone()
    assert row is not None
    return row[0], row[1]


def require_folder(connection: Connection[Any], directory: Path) -> None:
    """Check that a folder is the archive, as far as can be told at once.

    Raises:
        ArchiveBroken: Files were recorded, and none of the newest is in it: it is not mounted, or another one.
    """
    newest = [path for (path,) in connection.execute(_SQL["newest_files"]).fetchall()]
    if newest and not any((directory / path).exists() for path in newest):
        raise ArchiveBroken(str(directory), "holds none of the files that were recorded; is the right folder mounted?")


def require_whole(connection: Connection[Any], directory: Path, key: DayKey) -> None:
    """Check that a day's file is there, byte for byte.

    Raises:
        ArchiveBroken: It is missing, or another one.
    """
    path, found = directory / key.path, record(connection, key)
    try:
        whole = found is not None and sha256(path) in found.sums
    except FileNotFoundError:
        raise ArchiveBroken(str(path), "missing") from None
    except OSError as error:
        raise ArchiveBroken(str(path), f"cannot be read: {error.strerror or error}") from error
    if not whole:
        raise ArchiveBroken(str(path), "not the file that was recorded")


def files_of_days(connection: Connection[Any], keys: Sequence[DayKey]) -> "list[ArchiveFile]":
    """Return the files that hold anything of days of one site and retention class."""
    if not keys:
        return []
    site, retention_class = keys[0].site, keys[0].retention_class
    asked = {**keys[0].parameters, "days": [key.day for key in keys]}
    days = {day for (day,) in connection.execute(_SQL["files_of_days"], asked).fetchall()}
    if not days:
        return []
    found = files(connection, site.organisation, site.site, min(days), max(days))
    return [file for file in found if file.key.retention_class == retention_class and file.key.day in days]


def last_due(connection: Connection[Any], key: DayKey) -> int | None:
    """Return the newest note that says that a day got samples after its file was made."""
    row = connection.execute(_SQL["last_due"], key.parameters).fetchone()
    return None if row is None else row[0]


def files(
    connection: Connection[Any],
    organisation: str | None = None,
    site: str | None = None,
    from_day: date | None = None,
    to_day: date | None = None,
) -> list[ArchiveFile]:
    """Return the files that there are."""
    asked = {"org": organisation, "site": site, "from_day": from_day, "to_day": to_day}
    return [_file(row) for row in connection.execute(_SQL["files"], asked).fetchall()]


def sha256(path: Path) -> bytes:
    """Return the sum of a file's bytes."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            found.update(chunk)
    return found.digest()


def time_of(time_us: int | None) -> datetime | None:
    """Return microseconds since 1970 as a time."""
    return None if time_us is None else _EPOCH + timedelta(microseconds=time_us)


def statement(name: str, retention_class: str) -> Composed:
    """Return a statement over the sample table of a retention class."""
    return SQL(_SQL[name]).format(samples=Identifier(TABLES[retention_class].value))


def _file(row: tuple[Any, ...]) -> ArchiveFile:
    site = ArchiveSite(row[16], row[17], row[0], row[1], row[18])
    path, version, samples, readings, size_bytes, *sums = row[4:11]
    final, emptied, archived_at, first_time, last_time = row[11:16]
    return ArchiveFile(
        DayKey(site, row[2], row[3]),
        path,
        version,
        samples,
        readings,
        size_bytes,
        (sums[0], sums[1]),
        final,
        emptied,
        archived_at,
        first_time,
        last_time,
    )
