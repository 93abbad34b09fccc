"""Hours of a week, in a site's time zone."""

from datetime import UTC, datetime

import pytest

from siloscope_alerting.notify.hours import end_of, within
from siloscope_contract.alerts.rules import Hours

NIGHT = (Hours(since="22:00", until="06:00"),)
WEEKEND = (Hours(days=("sat", "sun")),)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "at", "zone", "end"),
    [
        ((), "2026-03-02 12:00", "Etc/UTC", None),
        (NIGHT, "2026-03-02 21:59", "Etc/UTC", None),
        (NIGHT, "2026-03-02 22:00", "Etc/UTC", "2026-03-03 06:00"),
        (NIGHT, "2026-03-03 05:59", "Etc/UTC", "2026-03-03 06:00"),
        (NIGHT, "2026-03-03 06:00", "Etc/UTC", None),
        (NIGHT, "2026-03-02 20:30", "Europe/Kyiv", "2026-03-03 04:00"),
        (WEEKEND, "2026-03-07 10:00", "Etc/UTC", "2026-03-09 00:00"),  # both days are one span
        ((Hours(days=("fri",), since="22:00", until="06:00"),), "2026-03-07 05:00", "Etc/UTC", "2026-03-07 06:00"),
        # The night in which clocks go forward has an hour less, that in which they go back an hour more.
        (NIGHT, "2026-03-28 20:00", "Europe/Kyiv", "2026-03-29 03:00"),
        (NIGHT, "2026-10-24 19:00", "Europe/Kyiv", "2026-10-25 04:00"),
    ],
)
def test_hours_end_at_their_local_time(hours: tuple[Hours, ...], at: str, zone: str, end: str | None) -> None:
    assert end_of(hours, utc(at), zone) == (utc(end) if end else None)
    assert within(hours, utc(at), zone) is (end is not None)


def test_hours_that_never_end_are_looked_at_again() -> None:
    end = end_of((Hours(),), utc("2026-03-02 12:00"), "Etc/UTC")
    assert end is not None
    assert 7 < (end - utc("2026-03-02 12:00")).days < 10
