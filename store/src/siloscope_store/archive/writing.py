"""Making the file of one day: written aside, made durable, proven against the database, and only then put in its place.

Killed at any point there is the old file or the new one, never a part of one: what is being written has a name that
nobody takes for a file, and is renamed when it is whole.
"""

import os
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

from psycopg import Connection

from siloscope_store.archive import catalogue
from siloscope_store.archive.catalogue import DayKey, FileRecord
from siloscope_store.archive.samples import ChannelName, GroupName, Sample, canonical, merged
from siloscope_store.errors import ArchiveBroken
from siloscope_store.statements import statements

_SQL = statements("archive.sql")
_ELEMENTS_A_FETCH = 50_000


@dataclass(frozen=True)
class WrittenDay:
    """A file that is in its place."""

    key: DayKey
    path: Path
    samples: int
    readings: int
    size_bytes: int
    merged: bool


@dataclass(frozen=True)
class _Snapshot:
    """A day as one snapshot of the database sees it."""

    key: DayKey
    begins: datetime
    ends: datetime
    groups: list[tuple[GroupName, int]]
    channels: dict[tuple[GroupName, int], ChannelName]
    widths: Counter[GroupName]
    final: bool
    last_due: int | None
    record: FileRecord | None


def archive_day(connection: Connection[Any], directory: Path, key: DayKey, *, at: datetime) -> WrittenDay | None:
    """Write the file of a day, or its next version; None where the database has nothing that is not in it.

    Where raw samples of the day may have been dropped since the file was made, what the file holds goes into the next
    version, and what came since then is merged into it.

    Args:
        connection: In autocommit mode.
        directory: The archive directory.
        key: Which day.
        at: Now.

    Raises:
        ArchiveBroken: The file that must be merged is missing or damaged, the folder cannot be written, or what was
            written does not read back as it is in the database. Nothing was changed.
    """
    target = directory / key.path
    coming = target.with_name(target.name + ".coming")
    try:
        return _archive_day(connection, key, target, coming, at)
    except OSError as error:
        with suppress(OSError):
            coming.unlink()  # a part of a file must not be what keeps a disk full
        raise ArchiveBroken(str(target), f"cannot be written: {error.strerror or error}") from error


def _archive_day(
    connection: Connection[Any], key: DayKey, target: Path, coming: Path, at: datetime
) -> WrittenDay | None:
    with connection.transaction():
        connection.execute(_SQL["snapshot"])
        seen = _snapshot(connection, key)
        if not _has_samples(connection, seen):
            _settle(connection, seen)
            return None
        in_place, old = _old_file(target, seen.record)
        target.parent.mkdir(parents=True, exist_ok=True)
        written = _write(connection, seen, old, coming)
        _prove(coming, _stream(connection, seen, old))
    written |= {"in_place": in_place, **_bounds(seen, old)}
    if old is not None and seen.record is not None and written["sha256"] == seen.record.sums[0] and _covers(seen):
        coming.unlink()
        _settle(connection, seen)
        return None
    _put_in_place(connection, seen, coming, target, written, at)
    return WrittenDay(key, target, written["samples"], written["readings"], written["size_bytes"], old is not None)


def _snapshot(connection: Connection[Any], key: DayKey) -> _Snapshot:
    begins, ends = _one(connection, "day_bounds", key)
    rows = connection.execute(_SQL["groups"], key.parameters).fetchall()
    groups = sorted((GroupName(*names), group_id) for group_id, *names in rows)
    names = {group_id: name for name, group_id in groups}
    found = connection.execute(_SQL["channels"], {"group_ids": list(names)}).fetchall()
    channels = {(names[group_id], position): ChannelName(*channel) for group_id, position, *channel in found}
    horizon = connection.execute(_SQL["kept_from"], key.parameters).fetchone()
    final = horizon is not None and horizon[0] >= ends
    due = catalogue.last_due(connection, key)
    widths = Counter(name for name, _ in channels)
    return _Snapshot(key, begins, ends, groups, channels, widths, final, due, catalogue.record(connection, key))


def _has_samples(connection: Connection[Any], seen: _Snapshot) -> bool:
    parameters = {"group_ids": [group_id for _, group_id in seen.groups], "begins": seen.begins, "ends": seen.ends}
    row = connection.execute(catalogue.statement("has_samples", seen.key.retention_class), parameters).fetchone()
    return row == (True,)


def _covers(seen: _Snapshot) -> bool:
    """Return whether the record says all that the next version would let it say."""
    found = seen.record
    if found is None or found.begins is None or found.ends is None:
        return False
    return found.begins <= seen.begins and seen.ends <= found.ends and found.final >= seen.final


def _bounds(seen: _Snapshot, old: Path | None) -> dict[str, datetime]:
    """Return what the next version covers: the day, and what the one before did where it goes into it."""
    begins, ends, found = seen.begins, seen.ends, seen.record
    if old is not None and found is not None and found.begins is not None and found.ends is not None:
        begins, ends = min(begins, found.begins), max(ends, found.ends)
    return {"begins": begins, "ends": ends}


def _old_file(target: Path, known: FileRecord | None) -> tuple[bytes | None, Path | None]:
    """Return the sum of the file in its place, and the file if its samples must go into the next version."""
    emptying = known is not None and known.emptying
    if not target.exists():
        if emptying:
            raise ArchiveBroken(str(target), "missing, and raw samples of its day may have been dropped")
        return None, None
    found = catalogue.sha256(target)
    if known is None or found not in known.sums:
        # Never overwritten: a database that was restored knows nothing of files that were written after its moment.
        raise ArchiveBroken(str(target), "not the file that was recorded; see 'siloscope db archive adopt'")
    return found, target if emptying else None


def _write(connection: Connection[Any], seen: _Snapshot, old: Path | None, coming: Path) -> dict[str, Any]:
    from siloscope_store.archive import day_files  # the one slow import, for those who write a file

    key = seen.key
    about = {
        "format": "1",
        "organisation": key.site.organisation,
        "site": key.site.site,
        "retention_class": key.retention_class,
        "day": key.day.isoformat(),
        "time_zone": key.site.time_zone,
        **{name: at.astimezone(UTC).isoformat() for name, at in _bounds(seen, old).items()},
    }
    channels = {**(day_files.channels_of(old) if old else {}), **seen.channels}
    file = day_files.DayFile(coming, channels, about)
    try:
        file.write(_stream(connection, seen, old))
    except BaseException:
        with suppress(Exception):  # what closing says of a full disk is not why
            file.close()
        raise
    file.close()
    with coming.open("rb") as written:
        os.fsync(written.fileno())
    return {
        "samples": file.samples,
        "readings": file.readings,
        "size_bytes": coming.stat().st_size,
        "first_time": catalogue.time_of(file.first_us),
        "last_time": catalogue.time_of(file.last_us),
        "sha256": catalogue.sha256(coming),
    }


def _prove(coming: Path, expected: Iterator[Sample]) -> None:
    """Read the file again and compare each sample with the database, bit by bit."""
    from siloscope_store.archive import day_files

    for wanted, found in zip_longest(expected, day_files.read(coming)):
        if wanted is None or found is None or _bits(wanted) != _bits(found):
            raise ArchiveBroken(str(coming), f"does not read back as stored: expected {wanted}, found {found}")


def _put_in_place(
    connection: Connection[Any], seen: _Snapshot, coming: Path, target: Path, written: dict[str, Any], at: datetime
) -> None:
    """Announce, rename, record: whichever of these was the last before a kill, the file's sum is a known one."""
    parameters = {**seen.key.parameters, **written, "at": at, "final": seen.final, "path": seen.key.path}
    connection.execute(_SQL["announce_file"], parameters)
    coming.replace(target)
    for folder in target.parents[:3]:  # year, site, organisation: each may be new
        _sync_folder(folder)
    with connection.transaction():
        connection.execute(_SQL["record_file"], parameters)
        _settle(connection, seen)


def _settle(connection: Connection[Any], seen: _Snapshot) -> None:
    """Take back the notes that this version, or the one before, has heeded."""
    if seen.last_due is not None:
        connection.execute(_SQL["settle_due"], {**seen.key.parameters, "last_due": seen.last_due})


def _stream(connection: Connection[Any], seen: _Snapshot, old: Path | None) -> Iterator[Sample]:
    stored = (sample for group in seen.groups for sample in _group_samples(connection, seen, group))
    if old is None:
        return stored
    from siloscope_store.archive import day_files

    return merged(day_files.read(old), stored)


def _group_samples(connection: Connection[Any], seen: _Snapshot, group: tuple[GroupName, int]) -> Iterator[Sample]:
    name, group_id = group
    query = catalogue.statement("samples_of_group", seen.key.retention_class)
    with connection.cursor(name="siloscope_archive", binary=True) as cursor:
        cursor.itersize = max(100, _ELEMENTS_A_FETCH // (seen.widths[name] or 1))
        cursor.execute(query, {"group_id": group_id, "begins": seen.begins, "ends": seen.ends})
        for time_us, values, quality in cursor:
            yield canonical(name, time_us, values, quality)


def _bits(sample: Sample) -> tuple[object, ...]:
    values = array("d", [0.0 if value is None else value for value in sample.values]).tobytes()
    return sample.group, sample.time_us, values, [value is None for value in sample.values], sample.quality


def _one(connection: Connection[Any], name: str, key: DayKey) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(_SQL[name], key.parameters).fetchone()
    assert row is not None
    return row


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
