"""How many messages a channel takes within an hour."""

import pytest

from siloscope_alerting.notify.limits import Allowance


@pytest.mark.parametrize(("most", "sent"), [(1, 1), (2, 1), (10, 9)])
def test_one_place_is_kept_for_the_summary(most: int, sent: int) -> None:
    allowance = Allowance(most)
    count = 0
    while allowance.may_send(0.0):
        allowance.note(0.0)
        count += 1
    assert count == sent
    assert allowance.may_summarise(0.0) is (most > 1)


def test_an_hour_later_there_is_room_again() -> None:
    allowance = Allowance(3, [0.0, 1.0, 1800.0])
    assert not allowance.may_send(3599.0)
    assert not allowance.may_summarise(3599.0)
    assert allowance.may_summarise(3600.0)
    assert allowance.may_send(3601.0)


def test_another_limit_counts_at_once() -> None:
    allowance = Allowance(3, [0.0, 0.0])
    assert not allowance.may_send(1.0)
    allowance.limit_to(60)
    assert allowance.may_send(1.0)
