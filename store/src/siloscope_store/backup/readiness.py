"""Whether a server's settings and its archiver allow a restore to any moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from siloscope_store.statements import statements

_SQL = statements("backups.sql")
SETTINGS = (
    "wal_level",
    "archive_mode",
    "archive_command",
    "archive_library",
    "archive_timeout",
    "full_page_writes",
    "fsync",
)
_STALE = timedelta(hours=1)


@dataclass(frozen=True)
class Archiver:
    """What the server says of its archived WAL."""

    archived: int
    last_wal: str | None
    last_at: datetime | None
    failed: int
    last_failed_wal: str | None
    last_failed_at: datetime | None


def settings(connection: Connection[Any]) -> dict[str, str]:
    """Return the settings that a backup depends on."""
    return dict(connection.execute(_SQL["settings"], {"names": list(SETTINGS)}).fetchall())


def archiver(connection: Connection[Any]) -> Archiver:
    """Return how archiving goes."""
    row = connection.execute(_SQL["archiver"]).fetchone()
    assert row is not None
    return Archiver(*row)


def problems(found: Mapping[str, str], state: Archiver, *, at: datetime) -> list[str]:
    """Return what stands against a restore to any moment, one line each, with what to do."""
    lines = []
    if found.get("wal_level") not in ("replica", "logical"):
        lines.append(f"wal_level is {found.get('wal_level')}; expected replica")
    if found.get("archive_mode") not in ("on", "always"):
        lines.append(f"archive_mode is {found.get('archive_mode')}; expected on, or a pg_receivewal of yours")
    elif not found.get("archive_library") and found.get("archive_command") in (None, "", "(disabled)"):
        lines.append("archive_command and archive_library are empty; expected one that copies WAL to another machine")
    unsafe = [name for name in ("fsync", "full_page_writes") if found.get(name) == "off"]
    lines += [f"{name} is off; expected on: a crash may damage data for good" for name in unsafe]
    if found.get("archive_timeout") == "0":
        lines.append("archive_timeout is 0; expected for example 60s: a quiet database archives nothing for hours")
    if state.last_failed_at is not None and (state.last_at is None or state.last_failed_at > state.last_at):
        lines.append(f"archiving {state.last_failed_wal} failed at {state.last_failed_at:%Y-%m-%d %H:%M:%S} UTC")
    elif found.get("archive_mode") in ("on", "always") and (state.last_at is None or at - state.last_at > _STALE):
        lines.append(f"no WAL was archived in the last hour; the last one was {state.last_wal or 'none yet'}")
    return lines
