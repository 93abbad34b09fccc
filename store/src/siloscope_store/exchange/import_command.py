"""`siloscope data import`: the arguments, and what is said about the outcome."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from siloscope_process.clock import Clock, SystemClock
from siloscope_process.errors import WrongSetting
from siloscope_store import audit, imports, registry, schema
from siloscope_store.connections import connect, connect_async
from siloscope_store.errors import NameUnknown
from siloscope_store.exchange.assembly import Window, assemble
from siloscope_store.exchange.csv_files import CsvFile
from siloscope_store.exchange.importing import ACTOR, Import, ImportOrder, fingerprint
from siloscope_store.exchange.line_protocol import LineProtocolFile
from siloscope_store.exchange.mapping import Mapping, mapping
from siloscope_store.exchange.parquet_files import ParquetFile
from siloscope_store.exchange.progress import Bar
from siloscope_store.exchange.readings import FileReader, Refused
from siloscope_store.exchange.rejects import Rejects
from siloscope_store.exchange.targets import TABLES, Made, Targets
from siloscope_store.exchange.times import FORMS, TimeReader
from siloscope_store.imports import Connection, Progress

_APPLICATION = "siloscope data"
_DAY_MS = 86_400_000
_SHOWN = 10
_FORMATS: dict[str, Callable[[Path, Mapping, TimeReader], FileReader]] = {
    "csv": CsvFile,
    "parquet": ParquetFile,
    "influx": LineProtocolFile,
}
_BY_SUFFIX = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet", ".pq": "parquet", ".lp": "influx"}
# What a fingerprint holds of the command: all that changes what a line of the file means.
_MEANING = (
    *("org", "site", "node", "format", "shape", "device", "unit", "time_format", "zone", "ambiguous", "missing"),
    *("group", "retention_class", "decimal", "encoding", "create_node", "past_days", "future_days"),
)


def configure(actions: Any) -> None:
    """Add `import` and its arguments."""
    summary = "write the readings of a file to a site; killed, the same command goes on where it was"
    parser: argparse.ArgumentParser = actions.add_parser("import", help=summary, description=summary)
    parser.set_defaults(carry_out=carry_out)
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="CSV or line protocol (also gzipped), or Parquet")
    add("--org", required=True, help="slug of the organisation")
    add("--site", required=True, help="slug of the site")
    add("--node", help="slug of the node that everything belongs to; else a column or tag 'node' says it")
    add("--create-node", action="store_true", help="register a node that does not exist")
    add("--format", choices=sorted(_FORMATS), help="else by the file's name")
    add("--mapping", type=Path, metavar="FILE.yaml", help="what columns or tags mean")
    add("--shape", choices=("auto", "long", "wide"), default="auto", help="a row is a reading, or a sample")
    add("--device", help="the device of everything that names none")
    add("--unit", help="the unit of everything that names none")
    add("--decimal", choices=(".", ","), help="what stands before decimals (default .)")
    add("--encoding", metavar="NAME", help="of a text that is not UTF-8, such as cp1252")
    add("--time-format", default="auto", help=f"{', '.join(FORMS)} or a pattern such as '%%d.%%m.%%Y %%H:%%M'")
    add("--zone", help="IANA zone of times without an offset, such as America/Chicago")
    add("--ambiguous", choices=("refuse", "earlier", "later"), default="refuse", help="times that clocks showed twice")
    add("--missing", action="append", default=[], metavar="TEXT", help="a text that stands for no value; repeatable")
    add("--group", default=registry.DEFAULT_GROUP, help="group of new channels (default %(default)s)")
    add("--retention-class", choices=sorted(TABLES), default=registry.DEFAULT_RETENTION, help="of a new group")
    add("--interval", type=float, metavar="S", help="seconds between samples, of a new group")
    add("--past-days", type=float, default=3653.0, help="refuse what is older (default %(default)g)")
    add("--future-days", type=float, default=1.0, help="refuse what is further ahead (default %(default)g)")
    add("--rejects", type=Path, metavar="FILE", help="what is refused goes there (default FILE.rejects.csv)")
    add("--strict", action="store_true", help="stop at the first record that is refused")
    add("--dry-run", action="store_true", help="read it all, write nothing, say what would happen")
    add("--again", action="store_true", help="import a file that was imported before")


def carry_out(arguments: argparse.Namespace, url: str) -> int:
    """Import a file, or say what that would do."""
    clock = SystemClock()
    with connect(url, application_name=_APPLICATION) as connection:
        schema.require_current(connection)
    reader = _reader(arguments)
    return asyncio.run(
        _dry_run(arguments, url, reader, clock) if arguments.dry_run else _import(arguments, url, reader, clock)
    )


def _reader(arguments: argparse.Namespace) -> FileReader:
    path: Path = arguments.file
    name = Path(path.name.lower())
    kind = arguments.format or _BY_SUFFIX.get(name.with_suffix("").suffix if name.suffix == ".gz" else name.suffix)
    if kind is None:
        raise WrongSetting(f"{path}: found the suffix {path.suffix!r}, expected --format csv, parquet or influx")
    told = {name: getattr(arguments, name) for name in ("device", "unit", "decimal", "encoding")}
    told["shape"] = None if arguments.shape == "auto" else arguments.shape
    said = mapping(arguments.mapping, told, arguments.missing)
    form = arguments.time_format
    if kind == "influx" and form == "auto":
        form = "ns"  # what the protocol says where nothing is said
    if form not in FORMS and "%" not in form:
        raise WrongSetting(f"--time-format: found {form!r}, expected one of {', '.join(FORMS)}, or a strptime pattern")
    return _FORMATS[kind](path, said, TimeReader(form, _zone(arguments.zone), arguments.ambiguous))


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongSetting(f"--zone: found {name!r}, expected an IANA zone such as Europe/Berlin") from None


def _made(arguments: argparse.Namespace) -> Made:
    return Made(
        org=arguments.org,
        site=arguments.site,
        node=arguments.node,
        create_node=arguments.create_node,
        group=arguments.group,
        retention_class=arguments.retention_class,
        interval_s=arguments.interval,
    )


def _window(arguments: argparse.Namespace, clock: Clock) -> Window:
    now_ms = clock.now_ms()
    return Window(round(now_ms - arguments.past_days * _DAY_MS), round(now_ms + arguments.future_days * _DAY_MS))


async def _organisation(connection: Connection, arguments: argparse.Namespace) -> int:
    org_id, site_id = await imports.site(connection, arguments.org, arguments.site)
    if org_id is None:
        raise NameUnknown("organisation", arguments.org)
    if site_id is None:
        raise NameUnknown(f"site of {arguments.org}", arguments.site)
    return org_id


async def _import(arguments: argparse.Namespace, url: str, reader: FileReader, clock: Clock) -> int:
    async with await connect_async(url, application_name=_APPLICATION, autocommit=True) as connection:
        order = await _order(connection, arguments, clock)
        begun = await _begun(connection, order, arguments)
        if begun is None:
            return 0
        progress, rejects = begun
        targets = Targets(connection, _made(arguments), dry=False)
        bar = Bar(reader.size, "readings", sys.stderr, clock)
        try:
            await Import(connection, order, targets, rejects, progress, bar.update).run(reader)
        finally:
            bar.close()
    _tell(progress, targets, rejects)
    return 0


async def _order(connection: Connection, arguments: argparse.Namespace, clock: Clock) -> ImportOrder:
    path: Path = arguments.file
    said = [str(getattr(arguments, name)) for name in _MEANING]
    if arguments.mapping is not None:
        said.append(arguments.mapping.read_text("utf-8"))
    return ImportOrder(
        org_id=await _organisation(connection, arguments),
        fingerprint=fingerprint(path, "\0".join(said)),
        source=os.fsencode(path.name).decode("utf-8", "replace"),
        target="/".join(part for part in (arguments.org, arguments.site, arguments.node) if part),
        window=_window(arguments, clock),
        now_ms=clock.now_ms(),
        strict=arguments.strict,
    )


async def _begun(
    connection: Connection, order: ImportOrder, arguments: argparse.Namespace
) -> tuple[Progress, Rejects] | None:
    """Return how far this import is, and where its refused lines go; None where it is done already."""
    if not await imports.lock(connection, order.fingerprint):
        raise WrongSetting(f"{order.source}: found another import of this file under way, expected none")
    known = await imports.find(connection, order.fingerprint)
    if known is not None and known.finished_at is not None and not arguments.again:
        _say(
            f"{order.source} was imported on {known.finished_at:%Y-%m-%d %H:%M} UTC: "
            f"{known.readings} readings, {known.refused} refused; --again repeats it"
        )
        return None
    progress = Progress() if known is None or arguments.again else known
    of_this = order.fingerprint, progress.rejects_bytes
    rejects = Rejects(arguments.rejects, *of_this) if arguments.rejects else Rejects.beside(arguments.file, *of_this)
    if known is None:
        async with connection.transaction():
            await imports.begin(connection, order.fingerprint, order.org_id, order.source, order.target)
            deed = audit.Deed(ACTOR, "data.import.begin", order.target, {"source": order.source})
            await audit.record_for(connection, deed, order.org_id)
    elif arguments.again:
        await imports.again(connection, order.fingerprint)
    elif known.line:
        _say(f"going on behind line {known.line}")
    return progress, rejects


async def _dry_run(arguments: argparse.Namespace, url: str, reader: FileReader, clock: Clock) -> int:
    """Read everything and write nothing."""
    async with await connect_async(url, application_name=_APPLICATION, autocommit=True) as connection:
        await _organisation(connection, arguments)
        targets = Targets(connection, _made(arguments), dry=True)
        progress, shown, span = Progress(), list[Refused](), list[int]()
        bar = Bar(reader.size, "readings", sys.stderr, clock)
        try:
            for block in reader.blocks(0, 0):
                await targets.resolve(dict.fromkeys(each.key for each in block.readings))
                made = assemble(block.readings, targets.known, _window(arguments, clock))
                refused = sorted([*block.refused, *made.refused])
                progress.readings += made.readings
                progress.missing += block.missing
                progress.refused += len(refused)
                shown += refused[: _SHOWN - len(shown)]
                times = [time_ms for one in made.passes for _, time_ms in one.values]
                span = [min([*span[:1], *times]), max([*span[1:], *times])] if times else span
                bar.update(block.done, progress.readings)
        finally:
            bar.close()
    _say("nothing is written: this is what would be")
    _tell(progress, targets, None)
    for each in shown:
        _say(f"  refused: {each}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _tell(progress: Progress, targets: Targets, rejects: Rejects | None) -> None:
    _say(f"{progress.readings} readings; {progress.missing} marked as missing; {progress.refused} refused")
    if rejects is not None:
        _say(f"{progress.new_samples} new samples; {progress.conflicts} values differ from what was there, which stays")
        if progress.refused:
            _say(f"what was refused is in {rejects.path}")
    for name in targets.new_channels[:_SHOWN]:
        _say(f"  new channel {name}")
    if len(targets.new_channels) > _SHOWN:
        _say(f"  and {len(targets.new_channels) - _SHOWN} more")
