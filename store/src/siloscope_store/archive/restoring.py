"""Putting archived days back: twice the same is harmless, what is there stays, and roll-ups are made from it again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier

from siloscope_process.clock import from_ms
from siloscope_store.archive import catalogue
from siloscope_store.archive.catalogue import ArchiveFile, ArchiveSite, DayKey
from siloscope_store.archive.samples import ChannelName, GroupName, Sample
from siloscope_store.errors import ArchiveBroken
from siloscope_store.sample_rows import COPY_HEADER, COPY_TRAILER, encode_exact, incoming
from siloscope_store.samples import MOST_NEW_SPANS, SPAN_MS
from siloscope_store.statements import statements

_SQL = statements("archive.sql")
_WRITING = statements("samples.sql")
_SAMPLES_A_TRANSACTION = 20_000


@dataclass(frozen=True)
class Restored:
    """What was put back.

    Attributes:
        samples: Samples of the files.
        new: How many of them were not there.
        conflicts: Elements for which the database says something else; what it says stays, both are kept.
        incomplete: Days of which some samples went without a file. They are not held, and keep the roll-ups they have.
    """

    files: int
    samples: int
    new: int
    conflicts: int
    incomplete: int = 0


def restore(
    connection: Connection[Any], directory: Path, wanted: Sequence[ArchiveFile], *, held_until: datetime
) -> Restored:
    """Put the samples of files back, and hold them until then: retention lets them be, and roll-ups are made of them.

    Killed at any point it is done again from the beginning; what was put back is not held before all of it is there.

    Args:
        connection: In autocommit mode, holding the turn of retention and archive.
        directory: The archive directory.
        wanted: Which files, ordered by site and day.
        held_until: Until when.

    Raises:
        ArchiveBroken: A file is missing or damaged, or names a channel that this database does not have.
    """
    by_site = groupby(sorted(wanted, key=_site_and_day), lambda file: (file.key.site, file.key.retention_class))
    days = [[file.key for file in files] for _, files in by_site]
    done = put_back(
        connection, directory, [file for keys in days for file in catalogue.files_of_days(connection, keys)]
    )
    for keys in days:
        complete = [key for key in keys if is_complete(connection, key)]
        hold(connection, complete, held_until)
        done = replace(done, incomplete=done.incomplete + len(keys) - len(complete))
    return done


def is_complete(connection: Connection[Any], key: DayKey) -> bool:
    """Return whether a day has all the samples that its roll-ups were made of.

    It has not where some of them went without a file: a roll-up of those is better than one of what is left.
    """
    begins, ends = catalogue.bounds(connection, key)
    groups = [row[0] for row in connection.execute(_SQL["groups"], key.parameters).fetchall()]
    asked = {"group_ids": groups, "begins": begins, "ends": ends}
    return connection.execute(catalogue.statement("incomplete", key.retention_class), asked).fetchone() == (False,)


def put_back(connection: Connection[Any], directory: Path, wanted: Sequence[ArchiveFile]) -> Restored:
    """Do the first half of `restore`: write the samples, and say nothing of it to anybody."""
    plans = [(file, *_checked(connection, directory, file)) for file in wanted]
    samples = new = conflicts = 0
    for file, path, ids in plans:
        for batch in _batches(path):
            samples += len(batch)
            with connection.transaction():
                written = _write(connection, file.key, [(ids[sample.group], sample) for sample in batch])
            new, conflicts = new + written[0], conflicts + written[1]
    return Restored(len(wanted), samples, new, conflicts)


def hold(connection: Connection[Any], keys: Sequence[DayKey], held_until: datetime) -> None:
    """Say that all raw samples of these days of a site are there, for a while, and have their roll-ups made again."""
    for first, last in _runs(keys):
        parameters = {**first.parameters, "held_until": held_until}
        begins, ends = catalogue.bounds(connection, first)[0], catalogue.bounds(connection, last)[1]
        bounds = {**parameters, "begins": begins, "ends": ends}
        groups = [row[0] for row in connection.execute(_SQL["groups"], first.parameters).fetchall()]
        with connection.transaction():
            connection.execute(_SQL["hold_restored"], bounds)
            connection.execute(_SQL["touch"], {**bounds, "group_ids": groups})


def _checked(connection: Connection[Any], directory: Path, file: ArchiveFile) -> tuple[Path, dict[GroupName, int]]:
    """Return where a whole file is, and which group of this database each of its groups is."""
    from siloscope_store.archive import day_files  # the one slow import, for those who read a file

    path = directory / file.path
    catalogue.require_whole(connection, directory, file.key)
    ids, known = _groups(connection, file.key.site, file.key.retention_class)
    for (group, position), channel in day_files.channels_of(path).items():
        if group not in ids:
            raise ArchiveBroken(str(path), f"holds the group {'/'.join(group)}, which this database does not have")
        if known.get((group, position)) != channel:
            found = known.get((group, position))
            problem = f"has {channel} at position {position} of {'/'.join(group)}; this database has {found}"
            raise ArchiveBroken(str(path), problem)
    return path, ids


def _groups(
    connection: Connection[Any], site: ArchiveSite, retention_class: str
) -> tuple[dict[GroupName, int], Mapping[tuple[GroupName, int], ChannelName]]:
    asked = {"site_id": site.site_id, "retention_class": retention_class}
    ids = {GroupName(*names): group_id for group_id, *names in connection.execute(_SQL["groups"], asked).fetchall()}
    names = {group_id: name for name, group_id in ids.items()}
    found = connection.execute(_SQL["channels"], {"group_ids": list(names)}).fetchall()
    return ids, {(names[group_id], position): ChannelName(*channel) for group_id, position, *channel in found}


def _batches(path: Path) -> Iterator[list[Sample]]:
    from siloscope_store.archive import day_files

    samples = day_files.read(path)
    while True:
        try:
            batch = list(islice(samples, _SAMPLES_A_TRANSACTION))
        except day_files.DAMAGED as error:  # its sum was right a moment ago: the disk reads differently now
            raise ArchiveBroken(str(path), f"cannot be read: {' '.join(str(error).split())}") from error
        if not batch:
            return
        yield batch


def _write(connection: Connection[Any], key: DayKey, batch: Iterable[tuple[int, Sample]]) -> tuple[int, int]:
    """Write samples as ingest does; return how many were new and how many elements differ from what is there."""
    ordered = sorted(batch, key=lambda each: (each[0], each[1].time_us))
    rows = incoming(encode_exact(group_id, each.time_us, each.values, each.quality) for group_id, each in ordered)
    spans = sorted({each.time_us // 1000 // SPAN_MS for _, each in ordered})
    connection.execute(_writing("prepare_samples", key))
    connection.execute(_WRITING["allow_late"])
    for begin in range(0, len(spans), MOST_NEW_SPANS):
        times = [from_ms(span * SPAN_MS) for span in spans[begin : begin + MOST_NEW_SPANS]]
        connection.execute(
            _WRITING["make_room"], {"table": catalogue.TABLES[key.retention_class].value, "times": times}
        )
    with connection.cursor() as cursor, cursor.copy(_writing("copy_samples", key)) as copy:
        copy.write(b"".join((COPY_HEADER, *rows, COPY_TRAILER)))
    inserted = connection.execute(_writing("insert_samples", key)).rowcount
    if inserted == len(rows):
        return inserted, 0
    connection.execute(_writing("fill_samples", key))
    found = connection.execute(_writing("differing_samples", key)).fetchall()
    if found:
        conflicts = [_conflict(*row) for row in found]
        columns = {name: [each[name] for each in conflicts] for name in conflicts[0]}
        connection.execute(_WRITING["keep_conflicts"], columns)
    return inserted, len(found)


def _conflict(group_id: int, time: datetime, position: int, *values: Any) -> dict[str, Any]:
    kept_value, kept_quality, other_value, other_quality = values
    nobody = dict.fromkeys(("kept_epoch", "kept_seq", "other_epoch", "other_seq"))
    return {
        "group_id": group_id,
        "time": time,
        "position": position,
        "kept_value": kept_value,
        "kept_quality": kept_quality,
        "other_value": other_value,
        "other_quality": other_quality,
        **nobody,
    }


def _writing(name: str, key: DayKey) -> Composed:
    table = catalogue.TABLES[key.retention_class].value
    return SQL(_WRITING[name]).format(table=Identifier(table), incoming=Identifier(f"incoming_{table}"))


def _runs(keys: Sequence[DayKey]) -> Iterator[tuple[DayKey, DayKey]]:
    """Return the first and the last of each run of days without a day between them."""
    ordered = sorted(keys, key=lambda key: key.day)
    first = last = None
    for key in ordered:
        if first is None or last is None or key.day - last.day > timedelta(days=1):
            if first is not None and last is not None:
                yield first, last
            first = key
        last = key
    if first is not None and last is not None:
        yield first, last


def _site_and_day(file: ArchiveFile) -> tuple[int, str, datetime]:
    day = datetime(file.key.day.year, file.key.day.month, file.key.day.day, tzinfo=UTC)
    return file.key.site.site_id, file.key.retention_class, day
