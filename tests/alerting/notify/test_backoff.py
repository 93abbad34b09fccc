"""When a message is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_alerting.notify.backoff import channel_pause_s, retry_in_s

DAY_S = 86_400.0


def test_pauses_double_up_to_ten_minutes() -> None:
    assert [retry_in_s(number, "warning", 0, 0.5) for number in range(1, 10)] == [
        5, 10, 20, 40, 80, 160, 320, 600, 600,
    ]  # fmt: skip


@given(st.integers(1, 10_000), st.floats(0, 1), st.floats(0, DAY_S / 2))
def test_they_are_spread_by_a_fifth(number: int, chance: float, age_s: float) -> None:
    middle, spread = retry_in_s(number, "info", age_s, 0.5), retry_in_s(number, "info", age_s, chance)
    assert middle is not None
    assert spread is not None
    assert 0.79 * middle <= spread <= 1.21 * middle


@pytest.mark.parametrize(
    ("severity", "days", "again"), [("warning", 1, False), ("critical", 1, True), ("critical", 3, False)]
)
def test_a_message_is_given_up_after_a_day_and_a_critical_one_after_three(
    severity: str, days: int, *, again: bool
) -> None:
    assert (retry_in_s(50, severity, days * DAY_S, 0.5) is not None) is again


def test_what_a_service_asks_for_counts_where_it_is_longer_up_to_an_hour() -> None:
    assert retry_in_s(1, "warning", 0, 0.5, asked_s=90) == 90
    assert retry_in_s(1, "warning", 0, 0.5, asked_s=1) == 5
    assert retry_in_s(1, "warning", 0, 0.5, asked_s=1e9) == 3_600


def test_the_first_failure_may_be_one_messages_alone() -> None:
    assert [channel_pause_s(failures) for failures in (1, 2, 3, 4, 20)] == [0, 1, 2, 4, 60]
