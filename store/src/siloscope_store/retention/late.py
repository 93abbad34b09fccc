"""Samples that came after raw samples of their day may have gone: their roll-ups are made again from all of the day.

What the day's file holds is put back beside them and held for an hour: the roll-up job finds the whole day. When the
hold ends, the file's next version gets what came late, and the raw samples go again.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg import Connection

from siloscope_store.archive import catalogue, restoring
from siloscope_store.archive.catalogue import DayKey
from siloscope_store.errors import ArchiveBroken
from siloscope_store.statements import statements

_SQL = statements("retention.sql")
HELD = timedelta(hours=1)


def make_whole(connection: Connection[Any], directory: Path, *, at: datetime) -> list[ArchiveBroken]:
    """Make each day whole that got a late sample; return the files that stand in the way.

    Args:
        connection: In autocommit mode, holding the turn of retention and archive.
        directory: The archive directory.
        at: Now.
    """
    broken: list[ArchiveBroken] = []
    sites = {site.site_id: site for site in catalogue.sites(connection)}
    for site_id, retention_class, day, last_due in connection.execute(_SQL["late_days"]).fetchall():
        key = DayKey(sites[site_id], retention_class, day)
        gone = [file for file in catalogue.files_of_days(connection, [key]) if file.emptied]
        try:
            restoring.put_back(connection, directory, gone)
        except ArchiveBroken as error:
            broken.append(error)
            continue
        with connection.transaction():
            noted = {**key.parameters, "last_due": last_due}
            if restoring.is_complete(connection, key):
                restoring.hold(connection, [key], at + HELD)
                connection.execute(_SQL["settle_late"], noted)
            else:
                connection.execute(_SQL["settle_incomplete"], noted)
    return broken
