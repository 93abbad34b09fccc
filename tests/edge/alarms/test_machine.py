"""The life of an alarm as strings: where the reading stands every ten seconds, and where that leads.

Readings: 1 beyond the level, - between, 0 back, ? unknown. Phases: . calm, p pending, O open, c clearing, L latched.
"""

from math import inf, nan
from typing import Any

import pytest

from siloscope_contract.quality import Quality
from siloscope_edge.alarms.machine import Machine, Phase, Standing, standing_of, together
from siloscope_edge.alarms.rules import AlarmRule

STANDINGS = {"1": Standing.BREACHED, "-": Standing.BETWEEN, "0": Standing.CLEARED, "?": Standing.UNKNOWN}
SIGNS = {Phase.CALM: ".", Phase.PENDING: "p", Phase.OPEN: "O", Phase.CLEARING: "c", Phase.LATCHED: "L"}
PERIOD_S = 10.0


def rule(**changed: Any) -> AlarmRule:
    return AlarmRule(**{"name": "hot", "device": "bin", "channels": ("t1",), "above": 35.0, "clear": 32.0, **changed})


def life(machine: Machine, readings: str) -> str:
    return "".join(
        SIGNS[machine.step(at * PERIOD_S, STANDINGS[reading])] for at, reading in enumerate(readings, start=1)
    )


HELD = {"for_s": 20.0, "clear_for_s": 20.0}


@pytest.mark.parametrize(
    ("changed", "readings", "phases"),
    [
        ({}, "0101-10", ".O.OOO."),  # without holds it opens and clears at once, but not between the levels
        (HELD, "011110000", ".ppOOcc.."),
        (HELD, "0110110111", ".pp.pp.ppO"),  # one reading back begins the hold anew
        (HELD, "11-111", "pp.ppO"),  # and so does one between the levels
        (HELD, "111010001", "ppOcOcc.p"),  # one beyond the level begins the clearing anew
        (HELD, "1110-0000", "ppOcOcc.."),  # and so does one between
        (HELD, "?????", "....."),  # what is not known opens nothing
        (HELD, "1?1", "ppO"),  # a hold survives what was not known for a moment
        (HELD, "11??????", "pppppp.."),  # does not open by it, and is over when it lasts
        (HELD, "11?????1", "pppppp.p"),
        (HELD, "111??????", "ppOOOOOOO"),  # an open alarm never clears by it
        (HELD, "1110??????00", "ppOcccccOOcc"),  # nor does one that is clearing
        (HELD, "1110?0", "ppOcc."),  # but a moment does not hold it up
        ({**HELD, "latch": True}, "111000011100", "ppOccLLOOOcc"),
        ({"latch": True}, "10-1", "OLLO"),
    ],
)
def test_an_alarm_lives_as_its_readings_say(changed: dict[str, Any], readings: str, phases: str) -> None:
    assert life(Machine(rule(**changed), PERIOD_S), readings) == phases


@pytest.mark.parametrize(
    ("readings", "phases"),
    [
        ("??????", "...OOO"),  # the longer of for_s and three periods
        ("0??0??", "......"),
        ("?????-", "...OO."),  # it never was beyond the level, so it need not come back across it
        ("?????-0", "...OO.."),
        ("?????1-0", "...OOOO."),  # but then it was
        ("1-?????-0", "OOOOOOOO."),
    ],
)
def test_where_the_rule_says_so_a_lack_of_readings_opens_it(readings: str, phases: str) -> None:
    assert life(Machine(rule(on_unknown="activate"), PERIOD_S), readings) == phases


@pytest.mark.parametrize(("readings", "phases"), [("1", "p"), ("1110", "ppOc")])
def test_a_hold_does_not_run_on_while_nobody_looked(readings: str, phases: str) -> None:
    machine = Machine(rule(**HELD), PERIOD_S)
    assert life(machine, readings) == phases
    until_s = 600.0  # the machine was suspended: two readings far apart are no hold
    assert SIGNS[machine.step(until_s, STANDINGS[readings[-1]])] == phases[-1]
    assert SIGNS[machine.step(until_s + 19, STANDINGS[readings[-1]])] == phases[-1]
    assert SIGNS[machine.step(until_s + 20, STANDINGS[readings[-1]])] == {"p": "O", "c": "."}[phases[-1]]


def test_a_lack_of_readings_may_be_given_its_own_time() -> None:
    machine = Machine(rule(on_unknown="activate", unknown_for_s=15.0), PERIOD_S)
    assert life(machine, "0???") == "...O"


@pytest.mark.parametrize(
    ("before", "after", "readings", "phases"),
    [
        (Phase.OPEN, Phase.OPEN, "??-0", "OOOc"),
        (Phase.CLEARING, Phase.OPEN, "000", "cc."),
        (Phase.PENDING, Phase.CALM, "11", "pp"),
        (Phase.LATCHED, Phase.LATCHED, "?0-", "LLL"),
    ],
)
def test_a_restart_begins_holds_anew_and_closes_nothing(
    before: Phase, after: Phase, readings: str, phases: str
) -> None:
    machine = Machine(rule(**HELD), PERIOD_S, before)
    assert machine.phase is after
    assert life(machine, readings) == phases


def test_only_what_is_latched_can_be_reset() -> None:
    machine = Machine(rule(latch=True), PERIOD_S)
    assert life(machine, "1") == "O"
    assert not machine.reset()
    assert life(machine, "0") == "L"
    assert machine.reset()
    assert machine.phase is Phase.CALM


@pytest.mark.parametrize(
    ("changed", "value", "quality", "standing"),
    [
        ({}, 35.1, 0, Standing.BREACHED),
        ({}, 35.0, 0, Standing.BETWEEN),
        ({}, 32.1, 0, Standing.BETWEEN),
        ({}, 32.0, 0, Standing.CLEARED),
        ({"clear": None}, 35.0, 0, Standing.CLEARED),
        ({"above": None, "below": 2.0, "clear": 4.0}, 1.9, 0, Standing.BREACHED),
        ({"above": None, "below": 2.0, "clear": 4.0}, 2.0, 0, Standing.BETWEEN),
        ({"above": None, "below": 2.0, "clear": 4.0}, 4.0, 0, Standing.CLEARED),
        ({}, 99.0, Quality.STEP, Standing.UNKNOWN),  # the next reading says whether it was one
        ({}, 99.0, Quality.STUCK, Standing.BREACHED),
        ({}, None, Quality.COMM_FAILURE, Standing.UNKNOWN),
        ({}, 99.0, Quality.OUT_OF_RANGE, Standing.UNKNOWN),
        ({}, nan, 0, Standing.UNKNOWN),  # from a driver that does not look
        ({}, inf, 0, Standing.UNKNOWN),
        ({}, -inf, 0, Standing.UNKNOWN),
    ],
)
def test_a_reading_stands_by_level_and_quality(
    changed: dict[str, Any], value: float | None, quality: int, standing: Standing
) -> None:
    assert standing_of(rule(**changed), value, quality) is standing


@pytest.mark.parametrize(("readings", "together_"), [("01", "1"), ("?1", "1"), ("0?", "?"), ("-?", "?"), ("0-", "-")])
def test_of_several_channels_one_beyond_the_level_is_enough(readings: str, together_: str) -> None:
    assert together(STANDINGS[each] for each in readings) is STANDINGS[together_]
