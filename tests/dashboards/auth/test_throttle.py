"""Login throttling."""

import pytest

from siloscope_dashboards.auth.throttle import LONGEST_WAIT_S, PER_ADDRESS, PER_USER, LoginThrottle
from siloscope_dashboards.errors import Throttled
from siloscope_process.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def throttle(clock: ManualClock) -> LoginThrottle:
    return LoginThrottle(clock)


def exhaust(throttle: LoginThrottle, username: str = "ada", address: str = "a") -> None:
    for _ in range(PER_USER):
        throttle.begin(username, address)


def test_attempts_at_once_gain_nothing(throttle: LoginThrottle) -> None:
    exhaust(throttle)
    with pytest.raises(Throttled):
        throttle.begin("ada", "a")


def test_another_spelling_is_the_same_user(throttle: LoginThrottle) -> None:
    exhaust(throttle)
    with pytest.raises(Throttled):
        throttle.begin("ADA", "a")


def test_another_address_and_another_user_go_on(throttle: LoginThrottle) -> None:
    exhaust(throttle)
    throttle.begin("ada", "b")
    throttle.begin("bob", "a")


def test_an_address_that_tries_many_users_must_wait(throttle: LoginThrottle) -> None:
    for number in range(PER_ADDRESS):
        throttle.begin(f"user-{number}", "a")
    with pytest.raises(Throttled):
        throttle.begin("nobody-yet", "a")


def test_success_forgives_the_user_and_counts_nothing_against_the_address(throttle: LoginThrottle) -> None:
    for _ in range(3 * PER_ADDRESS):
        throttle.begin("ada", "a")
        throttle.forgive("ada", "a")


def test_the_wait_has_an_end_however_many_failed(throttle: LoginThrottle, clock: ManualClock) -> None:
    for _ in range(40):
        try:
            throttle.begin("ada", "a")
        except Throttled as refusal:
            seconds = int(refusal.headers["Retry-After"])
            assert seconds <= LONGEST_WAIT_S + 1
            clock.advance(seconds)


def test_a_quiet_quarter_of_an_hour_forgets(throttle: LoginThrottle, clock: ManualClock) -> None:
    exhaust(throttle)
    clock.advance(LONGEST_WAIT_S)
    exhaust(throttle)


def test_memory_is_bounded(throttle: LoginThrottle) -> None:
    for number in range(12_000):
        throttle.begin("ada", f"address-{number}")
    assert len(throttle._failures) <= 10_000
