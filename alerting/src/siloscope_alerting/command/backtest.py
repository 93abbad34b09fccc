"""`siloscope alerts backtest RULE`: when a rule would have fired, for how long, and whom it would have paged."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from siloscope_alerting.backtest.labels import Window, judged
from siloscope_alerting.backtest.paging import Paging
from siloscope_alerting.backtest.replay import replay
from siloscope_alerting.backtest.report import Report, reported
from siloscope_alerting.backtest.series import SeriesChannel, SeriesSet
from siloscope_alerting.backtest.sources import Source, rules_from, source_of_database, source_of_series, ways_from
from siloscope_alerting.backtest.words import encoded, picture_of, told
from siloscope_alerting.command.subcommand import Subcommand
from siloscope_alerting.engine.evaluation import Engine
from siloscope_alerting.errors import RuleRefused
from siloscope_alerting.pictures.chart import draw
from siloscope_alerting.settings import AlertingSettings
from siloscope_process.errors import USAGE, Stop, WrongSetting
from siloscope_process.settings import load
from siloscope_store.connections import async_pool


@dataclass(frozen=True)
class _Found:
    report: Report
    picture: bytes | None


def configure(parser: argparse.ArgumentParser) -> None:
    """Take what is replayed, of what, and what is written."""
    parser.add_argument(
        "rule", metavar="RULE", help="a rule's name, a file of rules, or shipped:SET or shipped:SET/RULE"
    )
    parser.add_argument("--from", dest="begins", metavar="TIME", help="begin, such as 2026-01-31 or 2026-01-31T06:00Z")
    parser.add_argument("--to", dest="ends", metavar="TIME", help="end; with --series both may be left out")
    parser.add_argument("--org", metavar="SLUG", help="organisation; the only one unless told")
    parser.add_argument("--json", action="store_true", help="write one JSON document")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw the channel that fires most")
    series = parser.add_argument_group("a CSV file in place of the database")
    series.add_argument("--series", type=Path, metavar="CSV", help="time,NAME,…: each column is a channel")
    series.add_argument("--quantity", default="temperature", help="of its columns (%(default)s)")
    series.add_argument("--unit", help="of its numbers: any of SenML's, degF, mph or in; the stored one unless told")
    series.add_argument("--routes", type=Path, metavar="YAML", help="whom to tell: a file of channels and routes")
    series.add_argument(
        "--labelled", type=Path, metavar="JSON", help="labelled spans, [[begin, end], …]: count what is found"
    )


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Replay, and say what was found."""
    try:
        windows = _windows(arguments.labelled)
        found = asyncio.run(_backtest(arguments, environ))
    except RuleRefused as error:
        raise WrongSetting(str(error)) from error
    verdict = None if windows is None else judged(found.report.firings, windows)
    sys.stdout.write(encoded(found.report, verdict) if arguments.json else told(found.report, verdict))
    if found.picture is not None:
        try:
            arguments.plot.write_bytes(found.picture)
        except OSError as error:
            raise WrongSetting(f"{arguments.plot}: {error.strerror}, expected a file that can be written") from error
    return 0


async def _backtest(arguments: argparse.Namespace, environ: Mapping[str, str]) -> _Found:
    if arguments.series is not None:
        ways = None if arguments.routes is None else ways_from(arguments.routes)
        given = SeriesChannel(quantity=arguments.quantity, unit=arguments.unit)
        return await _of(source_of_series(rules_from(arguments.rule), arguments.series, given, ways), arguments)
    if arguments.begins is None or arguments.ends is None:
        raise Stop("found no --from or no --to, expected both: the span of the database that is replayed", USAGE)
    settings = load(AlertingSettings, environ)
    async with async_pool(settings.database_url, application_name="siloscope-backtest", max_size=2) as pool:
        return await _of(await source_of_database(pool, arguments.org, arguments.rule), arguments)


async def _of(source: Source, arguments: argparse.Namespace) -> _Found:
    whole = source.history.span_ms if isinstance(source.history, SeriesSet) else (0, 0)
    from_ms = whole[0] if arguments.begins is None else _time_ms("--from", arguments.begins)
    to_ms = whole[1] if arguments.ends is None else _time_ms("--to", arguments.ends)
    if to_ms <= from_ms:
        raise Stop(f"found --to {arguments.ends} not after --from, expected a span of time", USAGE)
    arrivals = source.arrivals if (from_ms, to_ms) == whole else None
    paging = Paging(source.rules, source.catalogue, source.ways)
    replayed = await replay(
        Engine(), source.rules, source.catalogue, source.history, from_ms, to_ms,
        arrivals=arrivals, follow=paging.follow,
    )  # fmt: skip
    rules = {each.rule_id: each.rule for each in source.rules}
    paged = paging.paged(to_ms)
    report = reported(replayed, rules, source.catalogue, incidents=paging.incidents, paged=paged).of(source.watched)
    if arguments.plot is None:
        return _Found(report, None)
    first = next(rule for rule in rules.values() if rule.rule in source.watched)
    order = await picture_of(report, first, source.catalogue, source.history, from_ms, to_ms)
    return _Found(report, None if order is None else draw(order))


def _time_ms(option: str, text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Stop(f"{option}: found {text!r}, expected a time such as 2026-01-31T06:00Z", USAGE) from error
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _windows(file: Path | None) -> list[Window] | None:
    """Return labelled spans: a list of pairs."""
    if file is None:
        return None
    try:
        found = msgspec.convert(json.loads(file.read_text("utf-8")), list[Window])
        for each in found:
            datetime.fromisoformat(each[0]), datetime.fromisoformat(each[1])
    except (OSError, ValueError) as error:
        raise RuleRefused(
            str(file), str(error), 'a JSON list such as [["2026-01-31 06:00", "2026-02-01 12:00"]]'
        ) from error
    return found


subcommand = Subcommand(
    "backtest", "replay history through a rule: when it would have fired, for how long, and whom it would have paged",
    configure, run,
)  # fmt: skip
