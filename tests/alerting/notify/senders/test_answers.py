"""How long a service asks us to wait."""

import pytest

from siloscope_alerting.notify.senders.answers import retry_after_s
from siloscope_process.clock import ManualClock


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("120", 120), ("-3", 0), ("Mon, 01 Jan 2024 00:01:00 GMT", 60), ("Mon, 01 Jan 2018 00:00:00 GMT", 0),
     ("soon", None), ("", None)],
)  # fmt: skip
def test_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, ManualClock()) == seconds
