"""Maintenance windows as spans: also those that repeat, at the same local hours."""

from datetime import UTC, datetime, timedelta

from msgspec import structs

from siloscope_alerting.watch.maintenance import spans
from siloscope_process.clock import to_ms
from siloscope_store.alert_feed import MaintenanceWindow

KYIV, CHICAGO = "Europe/Kyiv", "America/Chicago"
BEGINS = datetime(2026, 10, 20, 0, 0, tzinfo=UTC)  # 03:00 in Kyiv, before its clocks go back on the 25th


def window(repeats: str = "never", **selector: object) -> MaintenanceWindow:
    return MaintenanceWindow(1, 5, selector, BEGINS, BEGINS + timedelta(hours=1), repeats)


def test_a_window_is_its_span() -> None:
    (found,) = spans([window()], {5: {KYIV: ["yard"]}}, BEGINS)
    assert (found.from_ms, found.to_ms) == (to_ms(BEGINS), to_ms(BEGINS) + 3_600_000)


def test_a_window_that_somebody_ended_is_over_then() -> None:
    ended = structs.replace(window(), ended_at=BEGINS + timedelta(minutes=20))
    (found,) = spans([ended], {5: {KYIV: ["yard"]}}, BEGINS)
    assert found.to_ms == to_ms(BEGINS) + 1_200_000
    again = structs.replace(window("daily"), ended_at=BEGINS + timedelta(days=2, minutes=20))
    begins = [each.from_ms for each in spans([again], {5: {"Etc/UTC": ["yard"]}}, BEGINS + timedelta(days=3))]
    assert max(begins) == to_ms(BEGINS + timedelta(days=2))


def test_a_daily_window_keeps_its_local_hour_when_the_clocks_change() -> None:
    now = datetime(2026, 10, 26, 12, 0, tzinfo=UTC)
    begins = [each.from_ms for each in spans([window("daily")], {5: {KYIV: ["yard"]}}, now)]
    assert to_ms(datetime(2026, 10, 24, 0, 0, tzinfo=UTC)) in begins
    assert to_ms(datetime(2026, 10, 26, 1, 0, tzinfo=UTC)) in begins  # 03:00 still


def test_a_weekly_window_comes_once_a_week_for_ever() -> None:
    now = BEGINS + timedelta(days=70, hours=12)
    begins = [each.from_ms for each in spans([window("weekly")], {5: {"Etc/UTC": ["yard"]}}, now)]
    assert to_ms(BEGINS + timedelta(days=70)) in begins
    assert len(begins) == 2


def test_sites_of_other_time_zones_have_their_own_hours() -> None:
    found = spans([window("daily")], {5: {KYIV: ["yard"], CHICAGO: ["farm"]}}, BEGINS + timedelta(days=10))
    assert {each.matcher.select.sites for each in found} == {("yard",), ("farm",)}


def test_a_window_of_a_newer_version_holds_nothing_back() -> None:
    assert spans([window(by_the_moon=True)], {5: {KYIV: ["yard"]}}, BEGINS) == []
