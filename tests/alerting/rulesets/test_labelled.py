"""Shipped rules against labelled series: one made here, and NAB's where it is at hand.

SILOSCOPE_LABELLED_DATA names `ambient_temperature_system_failure.csv` of the Numenta Anomaly Benchmark; it is not ours
to ship.
"""

import asyncio
import math
import os
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from siloscope_alerting.backtest.cases import play
from siloscope_alerting.backtest.labels import Verdict, Window, judged
from siloscope_alerting.backtest.series import SeriesChannel, SeriesSet
from siloscope_alerting.backtest.sources import rules_from, source_of_series

NAB = os.environ.get("SILOSCOPE_LABELLED_DATA")
NAB_WINDOWS: list[Window] = [
    ("2013-12-15 07:00:00", "2013-12-30 09:00:00"),
    ("2014-03-29 15:00:00", "2014-04-20 22:00:00"),
]
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 120


def verdict(rules: str, file: Path, given: SeriesChannel, windows: Sequence[Window]) -> Verdict:
    source = source_of_series(rules_from(rules), file, given)
    assert isinstance(source.history, SeriesSet)
    report = asyncio.run(play([each.rule for each in source.rules], source.history))
    return judged(report.firings, windows)


def made(tmp_path: Path, seed: int, *, scale: float, offset: float) -> tuple[Path, list[Window]]:
    """Write weeks of work and of rest with noise and drift, two of whose days are not like the others.

    Returns:
        The file, and the two labelled spans.
    """
    chance = random.Random(seed)
    high_day, low_day = 50 + chance.randrange(15), 85 + chance.randrange(15)
    drift = 0.0
    rows = []
    for hour in range(24 * DAYS):
        day, rest = divmod(hour, 24)
        drift = 0.995 * drift + chance.gauss(0, 0.05)
        works = day % 7 < 5
        value = drift + (math.sin((rest - 9) / 24 * 2 * math.pi) if works else -0.8) + chance.gauss(0, 0.25)
        value += 5 * math.sin((rest + 1) / 25 * math.pi) if day == high_day else 0
        value -= 5 * math.sin((rest + 1) / 25 * math.pi) if day == low_day else 0
        if not 70 * 24 <= hour < 74 * 24:  # a hole of four days
            rows.append(f"{(BEGIN + timedelta(hours=hour)).isoformat()},{offset + scale * value:.3f}")
    file = tmp_path / "made.csv"
    file.write_text("\n".join(["time,value", *rows]), "utf-8")
    spans = [(BEGIN + timedelta(days=day - 1), BEGIN + timedelta(days=day + 2)) for day in (high_day, low_day)]
    return file, [(begins.isoformat(), ends.isoformat()) for begins, ends in spans]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_unusual_is_found_whatever_the_range_of_the_series(tmp_path: Path, seed: int) -> None:
    scale, offset = [(1.0, 21.0), (30.0, 500.0), (0.3, -19.0)][seed]
    file, windows = made(tmp_path, seed, scale=scale, offset=offset)
    found = verdict("shipped:indoor-temperature/indoor-unusual", file, SeriesChannel(), windows)
    assert found.missed == []
    assert len(found.false_alarms) <= 1


@pytest.mark.skipif(NAB is None, reason="SILOSCOPE_LABELLED_DATA does not name the benchmark's file")
@pytest.mark.parametrize(
    ("rules", "false_alarms"),
    [("shipped:indoor-temperature", 3), ("shipped:indoor-temperature/indoor-unusual", 2)],
)
def test_both_labelled_anomalies_are_found_with_the_false_alarms_that_the_docs_state(
    rules: str, false_alarms: int
) -> None:
    found = verdict(rules, Path(str(NAB)), SeriesChannel(unit="degF"), NAB_WINDOWS)
    assert found.missed == []
    assert len(found.false_alarms) == false_alarms
