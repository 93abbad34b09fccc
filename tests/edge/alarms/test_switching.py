"""When an output is switched: never closer than the interval, again until it succeeds, and made sure of."""

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_edge.alarms.switching import Act, Switching, Todo


def state(*, tells: bool = True, check_s: float | None = 60.0, known: bool | None = None) -> Switching:
    return Switching(10.0, check_s, tells=tells, known=known)


def done(found: Switching, now_s: float, *, on: bool) -> None:
    """Switch it and have it verified."""
    assert found.next(now_s) == Todo(Act.ON if on else Act.OFF)
    found.switching(now_s, on=on)
    found.switched(now_s, on=on)
    assert found.next(now_s) == Todo(Act.CHECK)
    assert found.told(now_s, on=on)


def calm(now_s: float = 0.0) -> Switching:
    """Return one that is known to be off."""
    found = state()
    assert found.next(now_s) == Todo(Act.CHECK)
    assert found.told(now_s, on=False)
    return found


def test_what_is_off_at_the_start_is_not_written() -> None:
    found = calm()
    assert found.next(0.0) == Todo(Act.WAIT, 60.0)
    assert found.changes == 0


@pytest.mark.parametrize(("wanted", "found_on", "act"), [(False, True, Act.OFF), (True, False, Act.ON)])
def test_what_is_otherwise_at_the_start_is_put_right(wanted: bool, found_on: bool, act: Act) -> None:
    found = state()
    found.wanted = wanted
    assert found.next(0.0) == Todo(Act.CHECK)
    found.told(0.0, on=found_on)
    assert found.next(0.0) == Todo(act)
    found.switching(0.0, on=wanted)
    assert found.changes == 1


def test_what_is_on_at_the_start_and_shall_be_is_left() -> None:
    found = state()
    found.wanted = True
    found.told(0.0, on=True)
    assert found.next(0.0).act is Act.WAIT


def test_what_cannot_be_asked_at_the_start_is_told_all_the_same() -> None:
    found = state()
    found.wanted = True
    found.failed(0.0)
    assert found.next(0.0) == Todo(Act.ON)


def test_two_changes_are_never_closer_than_the_interval() -> None:
    found = calm()
    changed_at_s = []
    for tenth in range(1, 1000):
        now_s = tenth / 10
        found.wanted = tenth % 2 == 0  # an alarm that chatters ten times a second
        todo = found.next(now_s)
        if todo.act in (Act.ON, Act.OFF):
            done(found, now_s, on=todo.act is Act.ON)
            changed_at_s.append(now_s)
    assert len(changed_at_s) > 5
    assert min(later - earlier for earlier, later in pairwise(changed_at_s)) >= 10
    assert found.changes == len(changed_at_s)


def test_a_change_that_failed_may_have_happened_so_the_opposite_waits() -> None:
    found = calm()
    found.wanted = True
    found.switching(5.0, on=True)
    found.failed(5.0)
    found.wanted = False
    assert found.next(12.0) == Todo(Act.WAIT, 15.0)
    assert found.next(15.0) == Todo(Act.OFF)


@pytest.mark.parametrize("wanted", [False, True])
def test_what_is_neither_on_nor_off_at_the_start_is_put_right_and_not_asked_for_ever(wanted: bool) -> None:
    found = state()
    found.wanted = wanted
    assert found.next(0.0) == Todo(Act.CHECK)
    assert found.told(0.0, on=None)
    done(found, 0.0, on=wanted)
    assert found.next(0.0).act is Act.WAIT


@pytest.mark.parametrize(("costs_s", "until_s"), [(0.0, 1001.0), (0.5, 1005.0)])
def test_an_alarm_that_opens_does_not_wait_for_long_failures_before_it(costs_s: float, until_s: float) -> None:
    found = calm()
    for _ in range(20):
        found.failed(1000.0, costs_s)  # its device was away for hours
    assert found.next(1000.0) == Todo(Act.WAIT, 1030.0)
    found.wanted = True
    assert found.next(1000.0) == Todo(Act.WAIT, until_s)
    assert found.next(until_s) == Todo(Act.ON)
    found.switching(until_s, on=True)
    found.failed(until_s, costs_s)
    assert found.next(until_s) == Todo(Act.WAIT, until_s + 30)  # and then as ever


def test_what_failed_is_tried_again_ever_more_rarely_and_costs_its_line_a_tenth() -> None:
    found = calm()
    found.wanted = True
    now_s, tries = 0.0, []
    for _ in range(8):
        assert found.next(now_s) == Todo(Act.ON)
        found.switching(now_s, on=True)
        found.failed(now_s, costs_s=0.5)
        waits = found.next(now_s)
        assert waits.act is Act.WAIT
        tries.append(waits.until_s - now_s)
        now_s = waits.until_s
    assert tries == [5, 5, 5, 8, 16, 30, 30, 30]
    assert found.changes == 1
    done(found, now_s, on=True)
    assert found.failures == 0


def test_what_does_not_stay_as_it_was_put_is_a_failure_and_moved_again_by_the_interval() -> None:
    found = calm()
    found.wanted = True
    found.switching(0.0, on=True)
    found.switched(0.0, on=True)
    assert not found.told(0.0, on=False)
    assert found.failures == 1
    assert found.next(5.0) == Todo(Act.WAIT, 10.0)
    assert found.next(10.0) == Todo(Act.ON)


def test_somebody_else_who_switches_it_is_corrected() -> None:
    found = calm()
    found.wanted = True
    done(found, 1.0, on=True)
    assert found.next(2.0) == Todo(Act.WAIT, 61.0)
    assert found.next(61.0) == Todo(Act.CHECK)
    assert found.told(61.0, on=False)
    assert found.next(61.0) == Todo(Act.ON)


def test_what_cannot_be_read_back_is_believed_and_told_again_while_it_is_on() -> None:
    found = state(tells=False, check_s=30.0, known=False)
    assert found.next(0.0) == Todo(Act.WAIT, inf)
    found.wanted = True
    assert found.next(0.0) == Todo(Act.ON)
    found.switching(0.0, on=True)
    found.switched(0.0, on=True)
    assert found.next(0.0) == Todo(Act.WAIT, 30.0)
    assert found.next(30.0) == Todo(Act.ON)
    found.switching(30.0, on=True)
    found.switched(30.0, on=True)
    assert found.changes == 1


def test_what_cannot_be_read_back_and_is_not_known_is_told_at_the_start() -> None:
    assert state(tells=False).next(0.0) == Todo(Act.OFF)


def test_without_a_check_nothing_is_made_sure_of() -> None:
    found = state(check_s=None)
    found.told(0.0, on=False)
    assert found.next(1e9) == Todo(Act.WAIT, inf)


def ask(found: Switching, now_s: float, asked: str, relay: bool) -> None:
    """Ask it what it does."""
    if asked == "silent":
        found.failed(now_s)
    else:
        found.told(now_s, on=relay if asked == "tells" else None)


SECONDS = st.tuples(
    st.booleans(),  # what is wanted
    st.sampled_from(["obeys", "obeys", "answer lost", "deaf"]),
    st.sampled_from(["tells", "tells", "silent", "neither"]),  # whether it can be asked, and says on or off
)


@given(st.booleans(), st.lists(SECONDS, min_size=60, max_size=200))
def test_whatever_fails_the_relay_moves_no_oftener_than_the_interval(
    tells: bool, seconds: list[tuple[bool, str, str]]
) -> None:
    found, relay, moved_at_s = state(tells=tells), False, []
    for now_s, (wanted, way, asked) in enumerate(seconds):
        found.wanted = wanted
        for _ in range(5):  # a write, its verification, and what follows
            todo = found.next(now_s)
            if todo.act is Act.WAIT:
                assert todo.until_s > now_s
                break
            if todo.act is Act.CHECK:
                ask(found, now_s, asked, relay)
                continue
            on = todo.act is Act.ON
            found.switching(now_s, on=on)
            if way != "deaf" and relay is not on:
                relay = on
                moved_at_s.append(now_s)
            found.switched(now_s, on=on) if way == "obeys" else found.failed(now_s)
        else:
            pytest.fail("it never comes to rest")
    assert all(later - earlier >= 10 for earlier, later in pairwise(moved_at_s))


@given(st.booleans(), st.lists(SECONDS, max_size=60))
def test_whatever_failed_it_comes_to_what_is_wanted(tells: bool, seconds: list[tuple[bool, str, str]]) -> None:
    found, relay, now_s = state(tells=tells), False, 0.0
    for wanted, way, asked in [*seconds, *[(True, "obeys", "tells")] * 200]:
        now_s += 1
        found.wanted = wanted
        todo = found.next(now_s)
        if todo.act is Act.CHECK:
            ask(found, now_s, asked, relay)
        elif todo.act is not Act.WAIT:
            on = todo.act is Act.ON
            found.switching(now_s, on=on)
            relay = on if way != "deaf" else relay
            found.switched(now_s, on=on) if way == "obeys" else found.failed(now_s)
    assert relay
    assert found.known
    assert found.failures == 0
