"""The state machine, told as strings: a character an instant, and the state that follows from it.

Seen: 1 breached; 0 on the good side; - between level and clear level; ? bad data; . silence, no reading at all;
t a tick. States: o ok, p pending, F firing, c clearing, u unknown.
"""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_alerting.engine.machine import due_ms, ended, step
from siloscope_alerting.life import FRESH, Change, Memory, Seen, Timing, Truth
from siloscope_contract.alerts.words import Reason, State

MINUTE_MS = 60_000
LETTERS = {State.OK: "o", State.PENDING: "p", State.FIRING: "F", State.CLEARING: "c", State.UNKNOWN: "u"}
T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
AT_ONCE = Timing(0, 0, MINUTE_MS, 100, 60 * MINUTE_MS)
THREE_MINUTES = Timing(3 * MINUTE_MS, 2 * MINUTE_MS, MINUTE_MS, 100, 60 * MINUTE_MS)
FLAPS = Timing(0, 0, MINUTE_MS, 4, 60 * MINUTE_MS)


def seen(letter: str, at_ms: int, *, late: bool = False, gate: Reason | None = None) -> Seen | None:
    if letter == ".":
        return None
    if letter == "t":
        return Seen(at_ms, U, U, tick=True, gate=gate)
    breached, cleared, reason = {"1": (T, F, None), "0": (F, T, None), "-": (F, F, None), "?": (U, U, Reason.BAD_DATA)}[
        letter
    ]
    return Seen(at_ms, breached, cleared, reason, late=late, gate=gate)


def run(text: str, timing: Timing, memory: Memory = FRESH) -> tuple[str, Memory, list[Change]]:
    states, changes = "", list[Change]()
    for minute, letter in enumerate(text, 1):
        each = seen(letter, minute * MINUTE_MS)
        if each is not None:
            memory, changed = step(memory, each, timing)
            changes += changed
        states += LETTERS[memory.state]
    return states, memory, changes


def reasons(changes: list[Change]) -> list[str]:
    return [each.reason.value for each in changes]


@pytest.mark.parametrize(
    ("timing", "said", "states"),
    [
        pytest.param(AT_ONCE, "0100", "oFoo", id="without a hold one reading fires and one resolves"),
        pytest.param(AT_ONCE, "1--0", "FFFo", id="between level and clear level it stays as it was"),
        pytest.param(AT_ONCE, "0--1", "oooF", id="between them nothing opens either"),
        pytest.param(THREE_MINUTES, "1111", "pppF", id="a hold runs in event time"),
        pytest.param(THREE_MINUTES, "110111", "ppoppp", id="one good reading within a hold ends it"),
        pytest.param(THREE_MINUTES, "11-1111", "ppopppF", id="so does one between the levels"),
        pytest.param(THREE_MINUTES, "11..11", "pppppp", id="a gap restarts the hold"),
        pytest.param(THREE_MINUTES, "11.11111", "ppppppFF", id="and it counts from the far side"),
        pytest.param(THREE_MINUTES, "11?1", "ppup", id="bad data within a hold is a gap"),
        pytest.param(THREE_MINUTES, "11?1111", "ppupppF", id="bad data within a hold does not end it"),
        pytest.param(THREE_MINUTES, "111t", "pppF", id="a hold does not wait for ever for the next reading"),
        pytest.param(THREE_MINUTES, "111.t", "ppppp", id="a hold does not end in silence"),
        pytest.param(THREE_MINUTES, "1111000", "pppFcco", id="a clear hold runs in event time"),
        pytest.param(THREE_MINUTES, "111101", "pppFcF", id="a breach within a clear hold fires again"),
        pytest.param(THREE_MINUTES, "11110-0", "pppFcFc", id="so does leaving the good side"),
        pytest.param(THREE_MINUTES, "11110...0", "pppFccccc", id="a gap restarts the clear hold"),
        pytest.param(THREE_MINUTES, "11110ttt", "pppFcccc", id="time alone resolves nothing"),
        pytest.param(THREE_MINUTES, "1111??0", "pppFuuc", id="from unknown it goes on from where it was"),
        pytest.param(THREE_MINUTES, "1111??1", "pppFuuF", id="and fires on when it still breaches"),
        pytest.param(THREE_MINUTES, "?0?", "ooo", id="nothing is unknown where nothing was"),
    ],
)
def test_states_follow_from_what_is_seen(timing: Timing, said: str, states: str) -> None:
    assert run(said, timing)[0] == states


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("1111000", ["breached", "held", "below_clear", "cleared"]),
        ("110", ["breached", "not_held"]),
        ("1111?1", ["breached", "held", "bad_data", "data_back"]),
        ("111101", ["breached", "held", "below_clear", "breached_again"]),
    ],
)
def test_every_change_has_a_named_reason(said: str, expected: list[str]) -> None:
    assert reasons(run(said, THREE_MINUTES)[2]) == expected


def test_a_hold_that_a_tick_ends_was_over_when_it_was_over() -> None:
    _, memory, _ = run("11", Timing(90_000, 0, 10 * MINUTE_MS, 4, 1))
    _, changes = step(memory, Seen(5 * MINUTE_MS, U, U, tick=True), Timing(90_000, 0, 10 * MINUTE_MS, 4, 1))
    assert [each.at_ms for each in changes if each.reason is Reason.HELD] == [MINUTE_MS + 90_000]


def fill(memory: Memory, *minutes: float, truth: Truth = T, timing: Timing = THREE_MINUTES) -> Memory:
    for minute in minutes:
        memory, _ = step(memory, Seen(round(minute * MINUTE_MS), truth, U, late=True), timing)
    return memory


def test_late_data_gives_the_begin_before_a_gap_back() -> None:
    _, memory, _ = run("11...1", THREE_MINUTES)
    assert memory.began_ms == 6 * MINUTE_MS
    memory = fill(memory, 3, 4, 5)
    assert (memory.began_ms, memory.stretches) == (MINUTE_MS, ())
    assert step(memory, Seen(7 * MINUTE_MS, T, F), THREE_MINUTES)[0].state is State.FIRING


def test_late_data_that_leaves_a_gap_gives_nothing_back() -> None:
    _, memory, _ = run("11...1", THREE_MINUTES)
    assert fill(memory, 3, 5.5).began_ms == 5.5 * MINUTE_MS


def test_late_data_that_did_not_breach_parts_the_hold_for_good() -> None:
    _, memory, _ = run("11...1", THREE_MINUTES)
    assert fill(fill(memory, 4, truth=F), 3, 3.5, 4.5, 5).began_ms == 4.5 * MINUTE_MS


@given(st.permutations([3, 3.5, 4, 4.5, 5, 7, 7.5, 8, 8.5]), st.integers(0, 9))
def test_in_which_order_late_data_comes_does_not_matter(order: list[float], many: int) -> None:
    _, memory, _ = run("11...1...1", THREE_MINUTES)
    assert fill(memory, *order[:many]) == replace_transitions(
        fill(memory, *sorted(order[:many])), fill(memory, *order[:many])
    )


def replace_transitions(memory: Memory, like: Memory) -> Memory:
    """A gap may close in one step or in two; how many that were says nothing."""
    return msgspec.structs.replace(memory, transitions=like.transitions)


@pytest.mark.parametrize("said", ["", "0", "1111", "11110"])
def test_late_data_opens_and_ends_nothing(said: str) -> None:
    _, memory, _ = run(said, THREE_MINUTES)
    for truth in (T, F):
        for minute in (0.5, 2.5, 30):
            after, changes = step(memory, Seen(round(minute * MINUTE_MS), truth, T, late=True), THREE_MINUTES)
            assert (after, changes) == (memory, ())


def test_what_flaps_becomes_one_alert_that_says_so() -> None:
    states, memory, changes = run("10" * 100, FLAPS)
    assert states.startswith("FoFoFoFcFcFc")
    assert "o" not in states[7:]
    assert reasons(changes).count("flapping") == 1
    assert memory.flapping


def test_it_is_calm_after_a_window_without_a_firing_and_then_resolves_by_a_reading() -> None:
    _, memory, _ = run("10" * 4, FLAPS)
    last_ms = memory.firings_ms[-1]
    assert due_ms(memory, FLAPS) == last_ms + FLAPS.flap_within_ms
    memory, changes = step(memory, Seen(last_ms + FLAPS.flap_within_ms, U, U, tick=True), FLAPS)
    assert (reasons(list(changes)), memory.state) == (["calm"], State.CLEARING)
    memory, changes = step(memory, Seen(last_ms + FLAPS.flap_within_ms + 1, F, T), FLAPS)
    assert (reasons(list(changes)), memory) == (["cleared"], FRESH)


def test_firings_are_forgotten_after_their_window() -> None:
    _, memory, _ = run("10", FLAPS)
    due = due_ms(memory, FLAPS)
    assert due is not None
    assert step(memory, Seen(due, U, U, tick=True), FLAPS)[0] == FRESH


@pytest.mark.parametrize("gate", [Reason.MAINTENANCE, Reason.OFF_SCHEDULE])
def test_behind_a_gate_nothing_opens(gate: Reason) -> None:
    assert step(FRESH, Seen(1, T, F, gate=gate), AT_ONCE) == (FRESH, ())


def test_a_hold_that_began_before_maintenance_fires_within_it_and_one_off_schedule_ends() -> None:
    _, memory, _ = run("111", THREE_MINUTES)
    fired, _ = step(memory, Seen(4 * MINUTE_MS, T, F, gate=Reason.MAINTENANCE), THREE_MINUTES)
    over, changes = step(memory, Seen(4 * MINUTE_MS, T, F, gate=Reason.OFF_SCHEDULE), THREE_MINUTES)
    assert (fired.state, over, reasons(list(changes))) == (State.FIRING, FRESH, ["off_schedule"])


def test_what_is_inhibited_waits_and_fires_when_it_no_longer_is() -> None:
    memory, changes = step(FRESH, Seen(MINUTE_MS, T, F, gate=Reason.INHIBITED), AT_ONCE)
    assert (memory.state, memory.silenced_by, reasons(list(changes))) == (State.PENDING, Reason.INHIBITED, ["breached"])
    assert due_ms(memory, AT_ONCE) is None
    memory, changes = step(memory, Seen(MINUTE_MS + 1, U, U, tick=True), AT_ONCE)
    assert (memory.state, memory.silenced_by, reasons(list(changes))) == (State.FIRING, None, ["held"])


def test_what_fires_goes_on_while_it_is_inhibited_and_says_so() -> None:
    _, memory, _ = run("1", AT_ONCE)
    memory, changes = step(memory, Seen(2 * MINUTE_MS, T, F, gate=Reason.INHIBITED), AT_ONCE)
    assert (memory.state, memory.silenced_by, changes) == (State.FIRING, Reason.INHIBITED, ())


@pytest.mark.parametrize(
    ("said", "after"),
    [("11", State.OK), ("1111", State.RESOLVED), ("11110", State.RESOLVED), ("1111?", State.RESOLVED)],
)
def test_what_has_no_rule_any_more_ends_by_name(said: str, after: State) -> None:
    _, memory, _ = run(said, THREE_MINUTES)
    forgotten, changes = ended(memory, Reason.RULE_REMOVED, 9)
    assert (forgotten, [(each.after, each.reason) for each in changes]) == (FRESH, [(after, Reason.RULE_REMOVED)])


SAID = st.text("10-?.t", max_size=40)
TIMINGS = st.builds(
    Timing,
    st.integers(0, 4).map(lambda n: n * MINUTE_MS),
    st.integers(0, 4).map(lambda n: n * MINUTE_MS),
    st.integers(1, 3).map(lambda n: n * MINUTE_MS),
    st.integers(2, 4),
    st.integers(1, 30).map(lambda n: n * MINUTE_MS),
)


@given(SAID, TIMINGS)
def test_nothing_resolves_without_a_reading_that_says_so(said: str, timing: Timing) -> None:
    memory = FRESH
    for minute, letter in enumerate(said, 1):
        each = seen(letter, minute * MINUTE_MS)
        if each is not None:
            memory, changes = step(memory, each, timing)
            for change in changes:
                assert change.after is not State.RESOLVED or (letter == "0" and change.reason is Reason.CLEARED)


@given(SAID, TIMINGS)
def test_an_episode_fires_once_and_its_changes_follow_each_other(said: str, timing: Timing) -> None:
    _, _, changes = run(said, timing)
    held = 0
    for change in changes:
        held = 0 if change.before is State.OK else held
        held += change.reason is Reason.HELD
        assert held <= 1
    for one, next_one in pairwise(changes):
        before = State.OK if one.after is State.RESOLVED else one.after
        assert next_one.before is before
        assert next_one.at_ms >= one.at_ms


@given(SAID, TIMINGS)
def test_the_same_instant_once_more_changes_nothing(said: str, timing: Timing) -> None:
    memory = FRESH
    for minute, letter in enumerate(said, 1):
        each = seen(letter, minute * MINUTE_MS)
        if each is not None:
            memory, _ = step(memory, each, timing)
            assert step(memory, each, timing) == (memory, ())


@given(SAID, TIMINGS, st.lists(st.integers(1, 60 * 40), max_size=20))
def test_how_often_time_is_looked_at_does_not_matter(said: str, timing: Timing, seconds: list[int]) -> None:
    """Whoever looks at every due time finds what another finds who looks in between as well."""
    texts = said.replace("t", "")
    assert told(texts, timing, []) == told(texts, timing, seconds)


def told(said: str, timing: Timing, extra_s: list[int]) -> list[tuple[str, int]]:
    memory, found = FRESH, list[tuple[str, int]]()
    readings = [(minute * MINUTE_MS, letter) for minute, letter in enumerate(said, 1)]
    for at_ms, letter in sorted([*readings, *((second * 1000, "t") for second in extra_s if second < 60 * len(said))]):
        while (due := due_ms(memory, timing)) is not None and due < at_ms:
            before = memory
            memory, changes = step(memory, Seen(due, U, U, tick=True), timing)
            found += [(each.reason.value, each.at_ms) for each in changes]
            if memory == before:
                break
        each = seen(letter, at_ms)
        if each is not None:
            memory, changes = step(memory, each, timing)
            found += [(change.reason.value, change.at_ms) for change in changes]
    return found
