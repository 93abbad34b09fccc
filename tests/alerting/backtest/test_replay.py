"""History through the engine: windows are filled from before, arrivals decide what is known, slabs change nothing."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from siloscope_alerting.backtest import replay as module
from siloscope_alerting.backtest.replay import Replayed, replay
from siloscope_alerting.backtest.report import lines, names_of, reported
from siloscope_alerting.backtest.series import SeriesChannel, SeriesSet, read_series
from siloscope_alerting.columns import BoundRule
from siloscope_alerting.engine.evaluation import Engine
from siloscope_contract.alerts.conditions import NoData, Rate, Threshold
from siloscope_contract.alerts.rules import Rule

HOUR_MS = 3_600_000
RISES = Rule(rule="rises", name="Rises", condition=Rate(rises=3.0, within="1d"), hold="2h")
HOT = Rule(rule="hot", name="Hot", condition=Threshold(above=26.0), hold="1h", clear_hold="1h")
SILENT = Rule(rule="silent", name="Silent", condition=NoData())


@pytest.fixture
def series(tmp_path: Path) -> SeriesSet:
    """Five days, a reading an hour; on each of them it warms by 6 °C until 18:00."""
    rows = [
        f"2026-01-{5 + hour // 24:02}T{hour % 24:02}:00:00Z,{21 + 6 * np.sin(hour % 24 / 18 * np.pi / 2):.2f}"
        for hour in range(120)
    ]
    file = tmp_path / "series.csv"
    file.write_text("\n".join(["time,a", *rows]), "utf-8")
    return read_series(file, {"a": SeriesChannel()})


async def played(series: SeriesSet, rules: Sequence[Rule], from_ms: int, to_ms: int) -> Replayed:
    bound = [BoundRule(number, 1, 1, rule) for number, rule in enumerate(rules, start=1)]
    return await replay(Engine(), bound, series.catalogue, series, from_ms, to_ms)


def told(found: Replayed, rules: Sequence[Rule], series: SeriesSet) -> list[str]:
    return lines(found, dict(enumerate(rules, start=1)), names_of(series.catalogue))


async def test_an_empty_span_is_quiet(series: SeriesSet) -> None:
    begin_ms, _ = series.span_ms
    found = await played(series, [HOT], begin_ms - 10 * HOUR_MS, begin_ms)
    assert (found.readings, list(found.transitions)) == (0, [])


async def test_each_reading_is_played_once_however_it_is_cut(
    series: SeriesSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await played(series, [HOT, RISES], *series.span_ms)
    monkeypatch.setattr(module, "_DAY_MS", 7 * HOUR_MS)
    cut = await played(series, [HOT, RISES], *series.span_ms)
    assert whole.readings == cut.readings == 120
    assert told(whole, [HOT, RISES], series) == told(cut, [HOT, RISES], series) != []


async def test_windows_are_filled_from_before_the_begin(series: SeriesSet) -> None:
    begin_ms, end_ms = series.span_ms
    whole = told(await played(series, [RISES], begin_ms, end_ms), [RISES], series)
    later = told(await played(series, [RISES], begin_ms + 72 * HOUR_MS, end_ms), [RISES], series)
    assert later == [line for line in whole if line >= "2026-01-08"]


async def test_a_channel_that_was_heard_just_before_is_not_silent_at_the_begin(series: SeriesSet) -> None:
    begin_ms, end_ms = series.span_ms
    found = await played(series, [SILENT], begin_ms + 30 * HOUR_MS + 60_000, end_ms)
    assert list(found.transitions) == []


async def test_what_fires_at_the_end_is_still_firing(series: SeriesSet) -> None:
    begin_ms, _ = series.span_ms
    end_ms = begin_ms + 20 * HOUR_MS
    report = reported(await played(series, [HOT], begin_ms, end_ms), {1: HOT}, series.catalogue)
    assert [(firing.rule, firing.subject, firing.ended) for firing in report.firings] == [("hot", "a", None)]
    fired_at = report.firings[0].fired
    assert report.firings[0].seconds == (20 - int(fired_at[11:13])) * 3600
    others = report.of(["others"])
    assert (others.firings, others.transitions) == ([], [])


async def test_a_long_span_is_played_in_longer_rounds(series: SeriesSet, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = await played(series, [HOT], *series.span_ms)
    monkeypatch.setattr(module, "_MOST_ROUNDS", 40)
    coarse = await played(series, [HOT], *series.span_ms)
    assert coarse.rounds <= 41 < whole.rounds
    assert told(coarse, [HOT], series) == told(whole, [HOT], series)
