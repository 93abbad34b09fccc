import pytest

from siloscope_deploy.local.backoff import Backoff

BACKOFF = Backoff(first_s=1, longest_s=10, forgiven_after_s=60)


@pytest.mark.parametrize(("deaths", "wait_s"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (5000, 10)])
def test_waits_double_up_to_the_longest(deaths: int, wait_s: float) -> None:
    assert BACKOFF.wait_s(deaths) == wait_s


def test_a_child_that_ran_well_for_a_while_starts_afresh() -> None:
    assert BACKOFF.deaths(4, ran_s=59) == 5
    assert BACKOFF.deaths(4, ran_s=60) == 1
