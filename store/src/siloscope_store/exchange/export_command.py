"""`siloscope data export`: the arguments, and what is said about the outcome."""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from siloscope_process.clock import Clock, SystemClock
from siloscope_process.errors import WrongSetting
from siloscope_store import audit, exports, imports, schema
from siloscope_store.connections import connect, connect_async
from siloscope_store.errors import NameUnknown
from siloscope_store.exchange.exporting import (
    CsvParts,
    Form,
    ParquetParts,
    Parts,
    Reached,
    begun,
    export,
    note_begin,
    order_of,
)
from siloscope_store.exchange.importing import ACTOR
from siloscope_store.exchange.progress import Bar
from siloscope_store.exchange.rows_out import CsvRows
from siloscope_store.exports import Connection, Selection

_APPLICATION = "siloscope data"
_SUFFIXES: dict[str, Form] = {".csv": "csv", ".parquet": "parquet", ".xlsx": "xlsx"}
_DATE_LENGTH = len("2026-01-01")
_NAMES = ("site", "place", "node", "device", "channel")


class Bound(NamedTuple):
    """An end of a span, as it was told; of days, a mere date is that of each site."""

    at: datetime
    is_date: bool


_EARLIEST = Bound(datetime(1970, 1, 1, tzinfo=UTC), is_date=False)


def configure(actions: Any) -> None:
    """Add `export` and its arguments."""
    summary = "write readings or roll-ups to a file; killed, the same command goes on where it was"
    parser: argparse.ArgumentParser = actions.add_parser("export", help=summary, description=summary)
    parser.set_defaults(carry_out=carry_out)
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="what is written; its name says the format")
    add("--org", required=True, help="slug of the organisation")
    for name in _NAMES:
        add(f"--{name}", help=f"only this {name}, by its slug")
    told = "ISO 8601; UTC unless it says more, and the site's own dates with --level day"
    add("--from", dest="begins", type=_bound, default=_EARLIEST, metavar="TIME", help=told)
    add("--to", dest="ends", type=_bound, metavar="TIME", help="up to, not including; now unless told")
    add("--format", choices=sorted(_SUFFIXES.values()), help="else by the file's name")
    add("--level", choices=("raw", "m5", "hour", "day"), default="raw", help="readings, or roll-ups of closed spans")
    add("--local-time", action="store_true", help="add a column with the site's own time")
    add("--force", action="store_true", help="replace a file that is there")


def carry_out(arguments: argparse.Namespace, url: str) -> int:
    """Write a file."""
    path: Path = arguments.file
    form = arguments.format or _SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise WrongSetting(f"{path}: found the suffix {path.suffix!r}, expected --format csv, parquet or xlsx")
    if path.exists() and not arguments.force:
        raise WrongSetting(f"{path}: found a file, expected none; --force replaces it")
    with connect(url, application_name=_APPLICATION) as connection:
        schema.require_current(connection)
    return asyncio.run(_export(arguments, url, form, SystemClock()))


async def _export(arguments: argparse.Namespace, url: str, form: Form, clock: Clock) -> int:
    path: Path = arguments.file
    async with await connect_async(url, application_name=_APPLICATION, autocommit=True) as connection:
        if not await imports.lock(connection, _sign_of(path)):
            raise WrongSetting(f"{path}: found another export to this file under way, expected none")
        wanted, reached = await _wanted(connection, arguments, form, clock)
        chosen = await exports.channels(connection, wanted)
        if not chosen:
            raise WrongSetting("found no channel of these names, expected at least one")
        if reached.place is None:
            note_begin(path, reached)
        bar = Bar(len({each.group_id for each in chosen}), "rows", sys.stderr, clock)

        @asynccontextmanager
        async def lent() -> AsyncIterator[Connection]:
            yield connection

        try:
            parts = _parts(path, form, wanted, reached, clock, local=arguments.local_time)
            rows, let_go = await export(path, parts, lent, wanted, chosen, reached, bar.update)
        finally:
            bar.close()
        detail = {"file": path.name, "rows": rows, "level": wanted.level, "to": wanted.ends.isoformat()}
        deed = audit.Deed(ACTOR, "data.export", arguments.site or arguments.org, detail)
        await audit.record_for(connection, deed, wanted.org_id)
    for site, retention_class, time in let_go:
        what = retention_class if wanted.level == "raw" else f"roll-ups ({wanted.level}) of {retention_class}"
        back = " or restored ('siloscope db archive restore')" if wanted.level == "raw" else ""
        sys.stdout.write(
            f"{what} of {site} before {time:%Y-%m-%d %H:%M} UTC have been let go: only what was left{back} "
            f"is in the file\n"
        )
    sys.stdout.write(f"{rows} rows of {len({id(each) for each in chosen})} channels in {path}\n")
    return 0


async def _wanted(
    connection: Connection, arguments: argparse.Namespace, form: Form, clock: Clock
) -> tuple[Selection, Reached]:
    org_id, site_id = await imports.site(connection, arguments.org, arguments.site or "")
    if org_id is None:
        raise NameUnknown("organisation", arguments.org)
    if arguments.site and site_id is None:
        raise NameUnknown(f"site of {arguments.org}", arguments.site)
    begins = arguments.begins.at
    ends, to_midnight = arguments.ends or Bound(clock.now(), is_date=False)
    names = {name: getattr(arguments, name) for name in _NAMES}
    dates = {"from_midnight": arguments.begins.is_date, "to_midnight": to_midnight}
    wanted = Selection(org_id, begins, ends, arguments.level, **names, **dates)
    if begins >= ends:
        raise WrongSetting(f"--from: found {begins.isoformat()}, expected a time before {ends.isoformat()}")
    said = None if arguments.ends is None else ends.isoformat()
    order = order_of(wanted, form, local=arguments.local_time, ends=said)
    reached = begun(arguments.file, order)
    if reached is None:
        reached = Reached(order, ends.isoformat())
    elif reached.rows:
        sys.stdout.write(f"going on behind {reached.rows} rows\n")
    return replace(wanted, ends=datetime.fromisoformat(reached.ends)), reached


def _parts(path: Path, form: Form, wanted: Selection, reached: Reached, clock: Clock, *, local: bool) -> Parts:
    if form == "csv":
        return CsvParts(path, CsvRows(wanted.level, local=local), reached, clock)
    return ParquetParts(path, form, wanted, reached, local=local and wanted.level != "day")


def _sign_of(path: Path) -> bytes:
    return sha256(os.fsencode(path.absolute())).digest()


def _bound(text: str) -> Bound:
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return Bound(at, is_date=len(text) == _DATE_LENGTH)
