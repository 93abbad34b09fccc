"""Taking over files that the database knows nothing of: it was restored to a moment before they were written."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import Connection

from siloscope_store.archive import catalogue
from siloscope_store.archive.catalogue import TABLES, ArchiveSite, DayKey
from siloscope_store.errors import ArchiveBroken
from siloscope_store.statements import statements

_SQL = statements("archive.sql")
_ENDING = ".parquet"


def unknown(connection: Connection[Any], directory: Path, site: ArchiveSite) -> Iterator[DayKey]:
    """Return the days of a site that have a file which is not the recorded one."""
    for path in sorted((directory / site.organisation / site.site).glob(f"*/*{_ENDING}")):
        day, _, retention_class = path.name.removesuffix(_ENDING).partition(".")
        try:
            key = DayKey(site, retention_class or "measurements", date.fromisoformat(day))
        except ValueError:
            continue  # somebody else's file
        if key.retention_class not in TABLES or directory / key.path != path:
            continue
        known = catalogue.record(connection, key)
        if known is None or catalogue.sha256(path) not in known.sums:
            yield key


def adopt(connection: Connection[Any], directory: Path, key: DayKey, *, at: datetime, without_sum: bool = False) -> int:
    """Record a file as it is, after reading all of it; return its samples.

    What it holds goes into its next version, whatever the database holds of the day.

    Args:
        connection: In autocommit mode.
        directory: The archive directory.
        key: Which day.
        at: Now.
        without_sum: Whether to take one that states no sum of what it holds.

    Raises:
        ArchiveBroken: It is damaged, or might be, or says that it is another day's.
    """
    from siloscope_store.archive import day_files  # the one slow import, for those who read a file

    path = directory / key.path
    expected = {
        "organisation": key.site.organisation,
        "site": key.site.site,
        "retention_class": key.retention_class,
        "day": key.day.isoformat(),
    }
    try:
        found = day_files.about(path)
        totals = day_files.totals(path)
        proven = day_files.stated_sum(path) is not None
    except day_files.DAMAGED as error:
        raise ArchiveBroken(str(path), f"cannot be read: {' '.join(str(error).split())}") from None
    if {name: found.get(name) for name in expected} != expected:
        raise ArchiveBroken(str(path), f"says of itself {found}; expected {expected}")
    if not proven and not without_sum:
        problem = "states no sum of what it holds, so that damage may go unnoticed; --without-sum takes it as it is"
        raise ArchiveBroken(str(path), problem)
    parameters = {
        **key.parameters,
        "path": key.path,
        "sha256": catalogue.sha256(path),
        "samples": totals.samples,
        "readings": totals.readings,
        "size_bytes": path.stat().st_size,
        "first_time": catalogue.time_of(totals.first_us),
        "last_time": catalogue.time_of(totals.last_us),
        "final": False,
        "in_place": None,
        **_bounds(connection, key, found),
        "at": at,
    }
    with connection.transaction():
        connection.execute(_SQL["announce_file"], parameters)
        connection.execute(_SQL["record_file"], parameters)
        connection.execute(_SQL["keep_what_it_holds"], parameters)
    return totals.samples


def _bounds(connection: Connection[Any], key: DayKey, found: dict[str, str]) -> dict[str, datetime]:
    """Return what a file says that it covers; one of the first version does not say it."""
    if "begins" in found and "ends" in found:
        return {name: datetime.fromisoformat(found[name]) for name in ("begins", "ends")}
    begins, ends = catalogue.bounds(connection, key)
    return {"begins": begins, "ends": ends}
