"""Rule tests as folders of data: `rule.yaml` and `series.csv` in, the transitions of `expected.yaml` out.

`channels.yaml` says what the columns of the series are; without it each is a temperature of one node.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import unified_diff
from pathlib import Path
from typing import Any

import msgspec
import yaml

from siloscope_alerting.backtest.replay import replay
from siloscope_alerting.backtest.report import Report, reported
from siloscope_alerting.backtest.series import SeriesChannel, SeriesSet, read_series
from siloscope_alerting.backtest.sources import refuse_faults
from siloscope_alerting.columns import BoundRule
from siloscope_alerting.engine.evaluation import Engine
from siloscope_alerting.errors import RuleRefused
from siloscope_alerting.rulesets.shipped import shipped
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.errors import one_of
from siloscope_process.documents import Document

RULE, SERIES, CHANNELS, EXPECTED = "rule.yaml", "series.csv", "channels.yaml", "expected.yaml"


class CaseRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is tested: rules that are written down here, or those of a shipped set, or some of it."""

    rules: tuple[Rule, ...] = ()
    shipped: str | None = None
    only: tuple[str, ...] = ()


class CaseChannels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the columns of the series are."""

    channels: dict[str, SeriesChannel] = {}


class Expected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must come out.

    Attributes:
        until: Where the test ends; with the last row unless told.
        transitions: Lines as the command prints them, in the order of time.
    """

    until: str | None = None
    transitions: tuple[str, ...] = ()


@dataclass(frozen=True)
class CaseResult:
    """How a folder's test went; `differences` is empty where it passed."""

    folder: Path
    report: Report
    differences: Sequence[str]


def folders_of(places: Sequence[Path]) -> list[Path]:
    """Return every folder that holds a rule test, at or below these.

    Raises:
        RuleRefused: There is none at one of them.
    """
    found: list[Path] = []
    for place in places:
        here = sorted(each.parent for each in place.rglob(RULE)) if place.is_dir() else []
        if not here:
            raise RuleRefused(str(place), "no rule test", f"a folder with {RULE}, {SERIES} and {EXPECTED}")
        found += here
    return list(dict.fromkeys(found))


async def run_case(folder: Path) -> CaseResult:
    """Run a folder's test.

    Raises:
        RuleRefused: A file of it cannot be meant.
    """
    rules = rules_of(Document.read(folder / RULE).convert(CaseRules), folder / RULE)
    channels = Document.read(folder / CHANNELS).convert(CaseChannels) if (folder / CHANNELS).exists() else None
    series = read_series(
        folder / SERIES,
        channels.channels if channels else {},
        None if channels else SeriesChannel(),
    )
    expected = Expected()
    if (folder / EXPECTED).exists():
        expected = Document.read(folder / EXPECTED).convert(Expected)
    report = await play(rules, series, until_ms=_until_ms(folder, expected))
    differences = unified_diff(expected.transitions, report.transitions, "expected", "found", lineterm="", n=1)
    return CaseResult(folder, report, list(differences))


async def play(rules: Sequence[Rule], series: SeriesSet, *, until_ms: int | None = None) -> Report:
    """Replay a whole series through these rules."""
    bound = [BoundRule(number, 1, 1, rule) for number, rule in enumerate(rules, start=1)]
    from_ms, to_ms = series.span_ms
    found = await replay(
        Engine(), bound, series.catalogue, series, from_ms, max(to_ms, until_ms or 0), arrivals=series.arrivals()
    )
    return reported(found, {each.rule_id: each.rule for each in bound}, series.catalogue)


def accept(result: CaseResult) -> None:
    """Write what came out as what is expected from now on; `until` stays."""
    file = result.folder / EXPECTED
    before = Document.read(file).convert(Expected) if file.exists() else Expected()
    told: dict[str, Any] = {} if before.until is None else {"until": before.until}
    text = yaml.safe_dump(told | {"transitions": result.report.transitions}, sort_keys=False, width=200)
    file.write_text(text, "utf-8")


def rules_of(found: CaseRules, file: Path) -> list[Rule]:
    """Return the rules that a test is about.

    Raises:
        RuleRefused: One cannot be meant, or none is left.
    """
    rules = [*found.rules, *(shipped(found.shipped) if found.shipped else ())]
    known = {rule.rule: rule for rule in rules}
    for slug in found.only:
        if slug not in known:
            raise RuleRefused(f"{file}: only", repr(slug), one_of(list(known), slug))
    for rule in rules:
        refuse_faults(rule, known, str(file))
    kept = [rule for rule in rules if not found.only or rule.rule in found.only]
    if not kept:
        raise RuleRefused(str(file), "no rule", "rules, or the name of a shipped set")
    return [msgspec.structs.replace(rule, enabled=True) for rule in kept]


def _until_ms(folder: Path, expected: Expected) -> int | None:
    if expected.until is None:
        return None
    try:
        at = datetime.fromisoformat(expected.until)
    except ValueError as error:
        raise RuleRefused(
            f"{folder / EXPECTED}: until", repr(expected.until), "a time: 2026-01-31T06:00:00Z"
        ) from error
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
