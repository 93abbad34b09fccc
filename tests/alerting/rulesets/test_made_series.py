"""What the shipped rules find in series made from seeds, and how often they call wrongly, as rule-sets.md states it."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from siloscope_alerting.backtest.cases import play
from siloscope_alerting.backtest.labels import Verdict, judged
from siloscope_alerting.backtest.report import Firing
from siloscope_alerting.backtest.series import SeriesChannel, SeriesSet
from siloscope_alerting.backtest.sources import rules_from, source_of_series
from tests.alerting.rulesets import labelled_series as made
from tests.alerting.rulesets.labelled_series import Made

UNUSUAL, INDOOR = "shipped:indoor-temperature/indoor-unusual", "shipped:indoor-temperature"
SEEDS = range(2)
"""The page states figures of twenty; a run of these takes seconds."""


def played(
    folder: Path,
    rules: str,
    usual: Callable[[random.Random], list[float]],
    wrong: Callable[[random.Random, list[float]], Made],
    seed: int,
) -> tuple[Verdict, list[Firing]]:
    """Return what rules say of one series."""
    chance = random.Random(f"{usual.__name__}/{wrong.__name__}/{seed}")
    series = wrong(chance, usual(chance))
    source = source_of_series(rules_from(rules), series.write(folder), SeriesChannel())
    assert isinstance(source.history, SeriesSet)
    report = asyncio.run(play([each.rule for each in source.rules], source.history))
    return judged(report.firings, series.windows), list(report.firings)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("usual", "wrong"),
    [(made.room, made.jump), (made.machine, made.fall)],
)
def test_what_leaves_its_range_is_found(
    tmp_path: Path,
    usual: Callable[[random.Random], list[float]],
    wrong: Callable[[random.Random, list[float]], Made],
    seed: int,
) -> None:
    found, _ = played(tmp_path, UNUSUAL, usual, wrong, seed)
    assert found.missed == []
    assert found.false_alarms == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sensor_that_is_stuck_is_found(tmp_path: Path, seed: int) -> None:
    _, firings = played(tmp_path, f"{INDOOR}/indoor-stuck", made.room, made.stuck, seed)
    assert [each.rule for each in firings] == ["indoor-stuck"]


@pytest.mark.parametrize("seed", SEEDS)
def test_grain_that_heats_is_found_and_a_season_is_no_heating(tmp_path: Path, seed: int) -> None:
    rules = "shipped:grain-bins/grain-heats-in-a-week"
    found, _ = played(tmp_path, rules, made.grain, made.heating, seed)
    assert (found.missed, found.false_alarms) == ([], [])
    calm, _ = played(tmp_path, rules, made.grain, made.nothing, seed)
    assert calm.false_alarms == []


@pytest.mark.parametrize("wrong", [made.flat_day, made.drift])
def test_what_stays_within_its_range_or_changes_slowly_is_not_found_as_the_page_says(
    tmp_path: Path, wrong: Callable[[random.Random, list[float]], Made]
) -> None:
    found, _ = played(tmp_path, UNUSUAL, made.room, wrong, 0)
    assert found.found == []
