"""Readings are dated by a clock that is known to be right, else provisionally and marked; steps change nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_contract.births import ClockState
from siloscope_edge.clock_guard import ClockGuard, Happening
from siloscope_edge.clock_settings import ClockSettings
from siloscope_edge.instants import EARLIEST_MS, BootBase, Stamp
from tests.edge.fake_kernel import FakeKernel

TRUE_MS = 1_790_000_000_000
SETTINGS = ClockSettings(wait_s=600, holdover_s=86_400)
YEARS_S = 1.5 * 365 * 86_400.0


def happened(guard: ClockGuard) -> list[Happening]:
    return [event.what for event in guard.events()]


def booted(*, error_s: float = -YEARS_S) -> FakeKernel:
    kernel = FakeKernel(TRUE_MS)
    kernel.reboot(10, error_s=error_s)
    return kernel


def now_by(guard: ClockGuard) -> int:
    stamp = guard.stamp()
    assert stamp is not None
    return stamp.base_ms + guard.boot_ms()


@pytest.mark.parametrize("error_s", [-56 * 365 * 86_400.0, -YEARS_S, 0.0, YEARS_S])
def test_a_plausible_year_dates_nothing(error_s: float) -> None:
    kernel = booted(error_s=error_s)
    guard = ClockGuard(kernel, SETTINGS)
    kernel.pass_time(599)
    assert guard.stamp() is None
    assert guard.instant_ms() == 599_000
    assert guard.state is ClockState.UNSYNCHRONISED
    assert not guard.base.final


def test_once_synchronised_what_was_read_before_gets_its_right_date() -> None:
    kernel = booted()
    guard = ClockGuard(kernel, SETTINGS)
    kernel.pass_time(100)
    read_boot_ms, read_ms = guard.boot_ms(), kernel.true_ms
    assert guard.stamp() is None
    kernel.pass_time(200)
    kernel.synchronise()
    stamp = guard.stamp()
    assert stamp == Stamp(read_ms - read_boot_ms, known=True)
    assert guard.state is ClockState.SYNCHRONISED
    assert happened(guard) == [Happening.STEPPED, Happening.SYNCHRONISED]
    assert guard.base == BootBase(kernel.boot, Stamp(read_ms - read_boot_ms, known=True), 300_000, final=True)


def test_after_the_wait_dates_are_provisional_and_stay_of_one_piece() -> None:
    kernel = booted()
    guard = ClockGuard(kernel, SETTINGS)
    kernel.pass_time(600)
    first = guard.stamp()
    assert first == Stamp(kernel.true_ms - guard.boot_ms() + kernel.error_ms, known=False)
    kernel.step(5000)
    assert guard.stamp() == first
    assert happened(guard) == [Happening.PROVISIONAL, Happening.STEPPED]


def test_a_clock_of_1970_is_taken_to_be_behind_what_is_known() -> None:
    kernel = booted(error_s=-TRUE_MS / 1000)
    known_ms = TRUE_MS - 5000
    guard = ClockGuard(kernel, ClockSettings(wait_s=0), known_ms=known_ms)
    stamp = guard.stamp()
    assert stamp == Stamp(known_ms + 1, known=False)
    never = ClockGuard(kernel, ClockSettings(wait_s=0)).stamp()
    assert never is not None
    assert never.base_ms > EARLIEST_MS


def test_a_clock_that_lost_its_source_runs_on_whatever_is_done_to_the_wall_clock() -> None:
    kernel = booted()
    kernel.synchronise()
    guard = ClockGuard(kernel, SETTINGS)
    guard.stamp()
    kernel.step(-7200)
    kernel.pass_time(3600)
    stamp = guard.stamp()
    assert stamp is not None
    assert stamp.known
    assert now_by(guard) == kernel.true_ms
    assert happened(guard) == [Happening.SYNCHRONISED, Happening.STEPPED, Happening.LOST]
    assert guard.state is ClockState.UNSYNCHRONISED
    kernel.pass_time(86_401)
    untrusted = guard.stamp()
    assert untrusted == Stamp(stamp.base_ms, known=False)
    assert happened(guard) == [Happening.UNTRUSTED]
    kernel.synchronise()
    again = guard.stamp()
    assert again is not None
    assert again.known


def test_a_restart_in_the_same_boot_goes_on_as_before() -> None:
    kernel = booted()
    kernel.synchronise()
    earlier = ClockGuard(kernel, SETTINGS)
    earlier.stamp()
    kernel.step(9999)
    later = ClockGuard(kernel, SETTINGS, earlier.base)
    assert now_by(later) == kernel.true_ms
    unsynchronised = booted()
    waited = ClockGuard(unsynchronised, SETTINGS)
    unsynchronised.pass_time(700)
    stamp = waited.stamp()
    unsynchronised.step(50)
    assert ClockGuard(unsynchronised, SETTINGS, waited.base).stamp() == stamp


def test_another_boots_base_says_nothing() -> None:
    kernel = booted()
    kernel.synchronise()
    guard = ClockGuard(kernel, SETTINGS)
    guard.stamp()
    kernel.reboot(60, error_s=-YEARS_S)
    assert ClockGuard(kernel, SETTINGS, guard.base).stamp() is None


def test_a_step_of_a_synchronised_clock_is_told_and_followed() -> None:
    kernel = booted()
    kernel.synchronise()
    guard = ClockGuard(kernel, SETTINGS)
    guard.stamp()
    guard.events()
    kernel.error_ms = 1000  # a leap second, or a server that was wrong
    stamp = guard.stamp()
    (event,) = guard.events()
    assert (event.what, event.step_s) == (Happening.STEPPED, 1.0)
    assert guard.base.stamp == stamp


def test_a_clock_that_is_corrected_all_too_fast_is_told_once_an_hour() -> None:
    kernel = booted()
    kernel.synchronise()
    kernel.drift_ppm = 300
    guard = ClockGuard(kernel, SETTINGS)
    told = []
    for _ in range(120):
        kernel.pass_time(60)
        guard.stamp()
        told += [event for event in guard.events() if event.what is Happening.DRIFTING]
    assert len(told) == 2
    assert told[0].drift_ppm == pytest.approx(300, abs=2)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("pass"), st.floats(0.1, 2000)),
            st.tuples(st.just("step"), st.floats(-1e8, 1e8)),
            st.tuples(st.just("sync"), st.just(0.0)),
            st.tuples(st.just("boot"), st.floats(-1e8, 1e8)),
            st.tuples(st.just("restart"), st.just(0.0)),
        ),
        max_size=40,
    )
)
def test_what_is_called_known_is_right_through_all_boots_and_steps(moves: list[tuple[str, float]]) -> None:
    kernel = FakeKernel(TRUE_MS)
    remembered: BootBase | None = None
    guard = ClockGuard(kernel, SETTINGS)
    provisional: set[Stamp] = set()
    for move, amount in moves:
        if move == "pass":
            kernel.pass_time(amount)
        elif move == "step":
            kernel.step(amount)
        elif move == "sync":
            kernel.synchronise()
        elif move == "boot":
            kernel.reboot(30, error_s=amount)
            provisional.clear()
        if move in ("boot", "restart"):
            guard = ClockGuard(kernel, SETTINGS, remembered)
        stamp = guard.stamp()
        remembered = guard.base
        if stamp is None:
            assert not kernel.synchronised
        elif stamp.known:
            assert stamp.base_ms + guard.boot_ms() == kernel.true_ms
        else:
            provisional.add(stamp)
            assert len(provisional) == 1 or stamp.base_ms + guard.boot_ms() == kernel.true_ms
