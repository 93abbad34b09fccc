"""CSV files as channels and history: what is refused, and what a cell means."""

from math import isnan
from pathlib import Path

import numpy as np
import pytest

from siloscope_alerting.backtest.series import SeriesChannel, SeriesSet, read_series
from siloscope_alerting.errors import RuleRefused

ANY = SeriesChannel()
MIDNIGHT_MS = 1_767_571_200_000


def read(tmp_path: Path, text: str, others: SeriesChannel | None = ANY, **channels: SeriesChannel) -> SeriesSet:
    file = tmp_path / "series.csv"
    file.write_text(text, "utf-8")
    return read_series(file, channels, others)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", r"csv:1: found nothing as the first column, expected time or timestamp"),
        ("when,a\n", r"csv:1: found 'when' as the first column"),
        ("time\n", r"csv:1: found the columns none, expected one name for each channel"),
        ("time,a,a\n", r"csv:1: found the columns 'a', 'a'"),
        ("time,a\n2026-01-05,1,2\n", r"csv:2: found 3 cells, expected 2"),
        ("time,a\nnoon,1\n", r"csv:2: found 'noon', expected a time such as"),
        ("time,a\n2026-01-05,warm\n", r"csv:2: found 'warm', expected a number, bad, or nothing"),
    ],
)
def test_a_file_that_is_no_series_is_refused(tmp_path: Path, text: str, refusal: str) -> None:
    with pytest.raises(RuleRefused, match=refusal):
        read(tmp_path, text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleRefused, match="expected a readable CSV file"):
        read_series(tmp_path / "none.csv", {})


def test_a_column_that_nothing_is_said_of_is_refused_where_something_is_said_of_others(tmp_path: Path) -> None:
    with pytest.raises(RuleRefused, match="found the column 'b', expected one of a"):
        read(tmp_path, "time,a,b\n", None, a=ANY)


@pytest.mark.parametrize(
    ("what", "refusal"),
    [
        (SeriesChannel(quantity="temprature"), "did you mean 'temperature'"),
        (SeriesChannel(unit="°F"), "column 'a'"),
        (SeriesChannel(unit="hPa"), "found the unit 'hPa', expected one of temperature, as Cel"),
    ],
)
def test_what_cannot_be_measured_so_is_refused(tmp_path: Path, what: SeriesChannel, refusal: str) -> None:
    with pytest.raises(RuleRefused, match=refusal):
        read(tmp_path, "time,a\n", what)


@pytest.mark.parametrize(
    ("quantity", "unit", "value", "stored"),
    [
        ("temperature", "degF", "69.8", 21.0),
        ("temperature", "K", "273.15", 0.0),
        ("wind_speed", "mph", "10", 4.4704),
        ("rain", "in", "1", 25.4),
        ("temperature", None, "21.5", 21.5),
    ],
)
def test_values_come_in_the_stored_unit(
    tmp_path: Path, quantity: str, unit: str | None, value: str, stored: float
) -> None:
    found = read(tmp_path, f"time,a\n2026-01-05,{value}\n", SeriesChannel(quantity=quantity, unit=unit))
    assert found.columns[0].value == pytest.approx([stored])


def test_an_empty_cell_is_no_reading_and_a_bad_one_is_a_failed_one(tmp_path: Path) -> None:
    found = read(tmp_path, "timestamp,a,b\n2026-01-05 00:00:00,1,bad\n2026-01-05 00:01:00,,2\n\n").columns
    assert (list(found[0].time_ms), list(found[0].value)) == ([MIDNIGHT_MS], [1.0])
    assert isnan(found[1].value[0])
    assert found[1].value[1] == 2.0


def test_times_without_an_offset_are_utc_and_rows_may_come_in_any_order(tmp_path: Path) -> None:
    found = read(tmp_path, "time,a\n2026-01-05T02:01:00+02:00,2\n2026-01-05,1\n")
    assert list(found.columns[0].time_ms) == [MIDNIGHT_MS, MIDNIGHT_MS + 60_000]
    assert list(found.columns[0].value) == [1.0, 2.0]


def test_what_is_expected_is_the_median_of_what_came(tmp_path: Path) -> None:
    rows = "".join(f"2026-01-05T00:{minute:02}:00Z,1\n" for minute in (0, 5, 10, 15, 45))
    channel = read(tmp_path, "time,a\n" + rows).catalogue.channels[0]
    assert (channel.interval_s, channel.allowance_s) == (300.0, 600.0)
    assert read(tmp_path, "time,a\n2026-01-05,1\n").catalogue.channels[0].interval_s is None


async def test_a_history_gives_a_span_without_its_end(tmp_path: Path) -> None:
    found = read(tmp_path, "time,a\n2026-01-05T00:00Z,1\n2026-01-05T00:01Z,2\n2026-01-05T00:02Z,3\n")
    times, values = (await found.between([0], MIDNIGHT_MS, MIDNIGHT_MS + 120_000))[0]
    assert list(values) == [1.0, 2.0]
    assert np.all(times < MIDNIGHT_MS + 120_000)
    assert found.span_ms == (MIDNIGHT_MS, MIDNIGHT_MS + 120_001)


def test_a_row_that_came_late_says_when(tmp_path: Path) -> None:
    found = read(tmp_path, "time,arrived,a\n2026-01-05T00:00Z,2026-01-05T06:00Z,1\n2026-01-05T00:01Z,,2\n")
    assert list(found.arrivals()[0]) == [MIDNIGHT_MS + 6 * 3_600_000, MIDNIGHT_MS + 60_000]
    assert [channel.key for channel in found.catalogue.channels] == ["a"]
