"""Hours of a week on the wall clock of a site."""

from datetime import datetime

import pytest

from siloscope_alerting.engine.schedule import is_open
from siloscope_contract.alerts.rules import Hours

NIGHT = Hours(days=("fri",), since="22:00", until="06:00")
DAY = Hours(days=("mon", "tue"), since="08:00", until="17:00")
ALWAYS = Hours()


@pytest.mark.parametrize(
    ("hours", "local", "expected"),
    [
        (DAY, "2026-01-05T08:00:00+02:00", True),
        (DAY, "2026-01-05T07:59:59+02:00", False),
        (DAY, "2026-01-05T17:00:00+02:00", False),
        (DAY, "2026-01-07T12:00:00+02:00", False),
        (NIGHT, "2026-01-09T23:00:00+02:00", True),
        (NIGHT, "2026-01-10T05:59:00+02:00", True),
        (NIGHT, "2026-01-10T06:00:00+02:00", False),
        (NIGHT, "2026-01-09T05:00:00+02:00", False),
        (NIGHT, "2026-07-10T23:00:00+03:00", True),
        (ALWAYS, "2026-01-09T00:00:00+02:00", True),
    ],
)
def test_hours(hours: Hours, local: str, *, expected: bool) -> None:
    at_ms = round(datetime.fromisoformat(local).timestamp() * 1000)
    assert is_open([hours], "Europe/Kyiv", at_ms) is expected


def test_no_hours_are_all_hours() -> None:
    assert is_open([], "Europe/Kyiv", 0)
