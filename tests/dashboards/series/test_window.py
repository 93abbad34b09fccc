"""The window of a series."""

from datetime import UTC, datetime, timedelta

import pytest

from siloscope_dashboards.errors import Malformed
from siloscope_dashboards.series.window import instant, window
from siloscope_process.clock import ManualClock

NOW = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", "x", "2024-01-01", "2024-01-01T00:00:00", "2024-13-01T00:00:00Z", "-1", "9" * 30, "1e3", "nan", "²"],
)
def test_what_is_no_instant_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(Malformed, match=r"query\.from: expected ISO 8601 with an offset"):
        instant(text, "query.from")


@pytest.mark.parametrize(
    ("begins", "ends"),
    [("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"), ("2024-01-02T00:00:00Z", "2024-01-01T00:00:00Z")],
)
def test_an_empty_window_is_refused(begins: str, ends: str) -> None:
    with pytest.raises(Malformed, match="a time before to"):
        window(begins, ends, 500, ManualClock())


@pytest.mark.parametrize(
    "text", ["2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00", "20231231T190000-0500", "1704067200000"]
)
def test_both_forms_of_an_instant_are_read(text: str) -> None:
    assert instant(text, "query.from") == NOW
    assert instant(text, "query.from").tzinfo is UTC


def test_unless_told_it_is_the_day_that_ends_now() -> None:
    asked = window(None, None, 500, ManualClock())
    assert (asked.begins, asked.ends) == (NOW - timedelta(days=1), NOW)
