"""Spans of quiet, once and again."""

from datetime import UTC, datetime
from typing import Literal

import pytest

from siloscope_alerting.notify.silences import Silence, covers
from siloscope_contract.alerts.selectors import Matcher


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("repeats", "at", "covered"),
    [
        ("never", "2026-03-02 03:59", False),
        ("never", "2026-03-02 04:00", True),
        ("never", "2026-03-02 05:00", False),
        ("never", "2026-03-03 04:30", False),
        ("daily", "2026-03-01 04:30", False),  # it has not begun yet
        ("daily", "2026-03-03 04:30", True),
        ("daily", "2026-03-03 05:30", False),
        ("daily", "2026-04-10 03:30", True),  # 06:30 in summer: the same local hour
        ("daily", "2026-04-10 04:30", False),
        ("weekly", "2026-03-03 04:30", False),
        ("weekly", "2026-03-09 04:30", True),
    ],
)
def test_a_silence_keeps_its_local_hours(
    repeats: Literal["never", "daily", "weekly"],
    at: str,
    covered: bool,
) -> None:
    silence = Silence(1, Matcher(), utc("2026-03-02 04:00"), utc("2026-03-02 05:00"), repeats)
    assert covers(silence, utc(at), "Europe/Kyiv") is covered


def test_one_that_goes_past_midnight_covers_the_next_morning() -> None:
    silence = Silence(1, Matcher(), utc("2026-03-02 22:00"), utc("2026-03-03 06:00"), "daily")
    assert covers(silence, utc("2026-03-09 05:00"), "Etc/UTC")
    assert not covers(silence, utc("2026-03-09 07:00"), "Etc/UTC")
