"""Schedules as strings: an answer (``y``), silence (``n``), an overrun of two periods (``o``); what each turn was.

``R`` read, ``P`` probe after rest, ``.`` resting; a digit is how many turns passed unused before.
"""

import pytest

from siloscope_edge.attendance import REST_AT_MOST_S, Attendance, Turn, whose_turn

LETTERS = {Turn.READ: "R", Turn.PROBE: "P", Turn.RESTING: "."}


def played(answers: str, attendance: Attendance) -> str:
    told = ""
    for answer in answers:
        now_s = attendance.due_s + (2 * attendance.period_s if answer == "o" else 0)
        turn, missed = attendance.take(now_s)
        told += (str(missed) if missed else "") + LETTERS[turn]
        if turn is Turn.RESTING:
            continue
        if answer == "n":
            attendance.unanswered(now_s)
        else:
            attendance.answered()
    return told


@pytest.mark.parametrize(
    ("answers", "turns"),
    [
        ("yyyy", "RRRR"),
        ("nyny", "RRRR"),  # single failures change nothing
        ("nnnnnnnn", "RRRP.P.."),  # from the third on it rests, longer each time
        ("nnnyyyyy", "RRRPRRRR"),  # one answer ends it
        ("yoy", "R2RR"),  # what passed unused is skipped, not caught up
    ],
)
def test_turns(answers: str, turns: str) -> None:
    assert played(answers, Attendance(period_s=10, due_s=0, timeout_s=0.3)) == turns


def test_the_grid_never_drifts() -> None:
    attendance = Attendance(period_s=10, due_s=100)
    for late_s in (0.0, 3.0, 9.9, 0.2):
        attendance.take(attendance.due_s + late_s)
    assert attendance.due_s == 140


def test_a_device_is_never_given_up_and_never_rests_for_long() -> None:
    attendance = Attendance(period_s=5, due_s=0)
    for _ in range(10_000):
        attendance.unanswered(1000.0)
    assert attendance.rested_until_s == 1000 + REST_AT_MOST_S


def test_many_dead_devices_share_a_tenth_of_the_bus() -> None:
    attendance = Attendance(period_s=1, due_s=0, timeout_s=0.3)
    for _ in range(3):
        attendance.unanswered(0.0, silent_devices=10)
    assert attendance.rested_until_s == pytest.approx(10 * 0.3 * 10)


@pytest.mark.parametrize(
    ("now_s", "first"),
    [
        (0.0, 0),  # nobody is due: the earliest
        (4.0, 2),  # those that answer come before the one that failed
        (9.0, 1),
        (66.0, 0),  # but nobody waits for ever
    ],
)
def test_whose_turn_it_is(now_s: float, first: int) -> None:
    attendances = [Attendance(5, due_s=2), Attendance(5, due_s=8), Attendance(5, due_s=3)]
    for each in attendances[1:]:
        each.answered()
    attendances[0].unanswered(0)
    if now_s > 4:
        attendances[2].take(now_s)
    assert whose_turn(attendances, now_s) == first
