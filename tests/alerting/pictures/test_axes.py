"""Marks of axes stand at round values and at round local times."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from siloscope_alerting.pictures.axes import time_marks, value_marks

KYIV = ZoneInfo("Europe/Kyiv")


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (18.2, 31.7, ["20", "25", "30"]),
        (-1.0, 1.0, ["-1.0", "-0.5", "0", "0.5", "1.0"]),
        (400.0, 40_000.0, ["10000", "20000", "30000", "40000"]),
        (0.001, 0.004, ["0.001", "0.002", "0.003", "0.004"]),
        (-18.3, -17.9, ["-18.3", "-18.2", "-18.1", "-18.0", "-17.9"]),
    ],
)
def test_values_are_round_and_within(low: float, high: float, expected: list[str]) -> None:
    found = value_marks(low, high)
    assert [text for _, text in found] == expected
    assert all(low - 1e-9 <= value <= high + 1e-9 for value, _ in found)


@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        ("2026-01-10T00:00", "2026-01-10T06:00", ["02:00", "03:00", "04:00", "05:00", "06:00", "07:00", "08:00"]),
        ("2026-01-10T12:00", "2026-01-11T12:00", ["18:00", "01-11", "06:00", "12:00"]),
        ("2026-01-01T00:00", "2026-01-08T00:00", ["01-02", "01-04", "01-06", "01-08"]),
    ],
)
def test_times_are_local_and_a_day_reads_as_its_date(begins: str, ends: str, expected: list[str]) -> None:
    texts = [text for _, text in time_marks(ms(begins), ms(ends), KYIV)]
    assert set(texts) <= set(expected)
    assert len(texts) >= 3


def test_a_day_stays_a_day_when_the_clocks_are_changed() -> None:
    marks = time_marks(ms("2026-03-27T22:00"), ms("2026-03-31T21:00"), KYIV)
    local = [datetime.fromtimestamp(at_ms / 1000, KYIV) for at_ms, _ in marks]
    assert {(each.hour, each.minute) for each in local} == {(0, 0)}


def test_marks_are_never_more_than_there_is_room_for() -> None:
    for hours in (1, 7, 25, 100, 1000, 9000, 50_000):
        assert len(time_marks(0, hours * 3_600_000, KYIV)) <= 8
