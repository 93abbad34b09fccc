"""Firings against labelled spans."""

from siloscope_alerting.backtest.labels import judged
from siloscope_alerting.backtest.report import Firing
from siloscope_contract.alerts.words import Severity

SPAN = ("2026-01-05 06:00:00", "2026-01-05 12:00:00")


def firing(fired: str, *, ended: str | None = None, about_data: bool = False) -> Firing:
    return Firing("hot", "room", Severity.WARNING, fired, f"2026-01-05T{fired}:00Z", ended, 60, about_data=about_data)


def test_without_a_firing_a_span_is_missed() -> None:
    verdict = judged([], [SPAN])
    assert (verdict.found, verdict.missed, verdict.false_alarms) == ([], [SPAN], [])


def test_what_fires_within_finds_it_and_ever_so_often_is_once() -> None:
    verdict = judged([firing("06:00"), firing("11:59")], [SPAN])
    assert (verdict.found, verdict.missed, verdict.false_alarms) == ([SPAN], [], [])


def test_what_fired_before_and_goes_on_finds_nothing() -> None:
    early = firing("05:59", ended="2026-01-05T09:00:00Z")
    verdict = judged([early], [SPAN])
    assert (verdict.missed, verdict.false_alarms) == ([SPAN], [early])


def test_that_data_are_missing_finds_nothing_and_is_no_false_alarm() -> None:
    verdict = judged([firing("07:00", about_data=True), firing("13:00", about_data=True)], [SPAN])
    assert (verdict.missed, verdict.false_alarms, verdict.about_data) == ([SPAN], [], 2)
