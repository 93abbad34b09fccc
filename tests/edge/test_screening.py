"""What is doubted, as strings: a line of readings, ten seconds apart, and what each of them was told to be."""

import pytest

from siloscope_contract.packs import Sample
from siloscope_contract.quality import Quality
from siloscope_edge.rules import ChannelRules, DeviceRules
from siloscope_edge.screening import Screening

LETTERS = {0: ".", int(Quality.STEP): "S", int(Quality.STUCK): "K", int(Quality.COMM_FAILURE): "x"}
PERIOD_S = 10


def told(rules: ChannelRules, readings: list[float | None]) -> str:
    screening = Screening(DeviceRules(PERIOD_S, [ChannelRules(), rules]))
    found = ""
    for turn, value in enumerate(readings):
        quality = [0, 0 if value is not None else int(Quality.COMM_FAILURE)]
        sample = Sample("head", turn * PERIOD_S * 1000, ("t0", "t1"), ("Cel", "Cel"), [20.0, value], quality)
        screening.screen(sample)
        assert sample.values == [20.0, value]
        assert sample.quality[0] == 0
        found += LETTERS[sample.quality[1]]
    return found


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([20, 20.5, 21.5, 20.5], "...."),
        ([20, 85, 20, 20], ".S.."),  # one wild value
        ([20, 30, 30, 30], ".S.."),  # a new level is doubted once
        ([20, 30, 40, 50, 50], ".SSS."),  # whatever jumps on and on is doubted on and on
        ([20, 30, 20, 30, 20], ".S.S."),  # what is believed stays so until another level is confirmed
        ([20, None, 85, 20], ".xS."),  # a failed read hides no step
        ([20, None, None, None, 30, 30], ".xxx.."),  # after a long silence nothing is known
        ([30], "."),
    ],
)
def test_steps(readings: list[float | None], expected: str) -> None:
    assert told(ChannelRules(largest_step=1.0), readings) == expected


def test_a_wind_that_turns_over_north_makes_no_step() -> None:
    assert told(ChannelRules(largest_step=20, circular=True), [355, 5, 350, 180]) == "...S"


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([20, 20, 20, 20, 20, 20.1, 20.1], "...KK.."),  # from 30 s on, until it moves
        ([20, 20, None, 20, 20], "..xKK"),  # a failed read sets nothing free
        ([20, 20.1, 20, 20.1, 20], "....."),
    ],
)
def test_stuck(readings: list[float | None], expected: str) -> None:
    assert told(ChannelRules(stuck_after_s=30), readings) == expected


def test_a_reading_that_is_doubted_already_keeps_its_reason() -> None:
    screening = Screening(DeviceRules(PERIOD_S, [ChannelRules(stuck_after_s=0)]))
    sample = Sample("head", 0, ("t1",), ("Cel",), [1.0], [int(Quality.DRIFT)])
    screening.screen(sample)
    assert sample.quality == [Quality.DRIFT]
