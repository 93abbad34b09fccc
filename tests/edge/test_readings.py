"""A number becomes a value, or says why it is none: currents of loops."""

import pytest

from siloscope_contract.quality import Quality
from siloscope_edge.profiles import Channel, Loop
from siloscope_edge.readings import Reading, judge_for


def looped(**rest: object) -> Channel:
    return Channel(
        key="level",
        quantity="temperature",
        unit="Cel",
        scale=0.001,
        loop=Loop(-50.0, 100.0),
        resolution=0.01,
        **rest,  # type: ignore[arg-type]  # test data
    )


@pytest.mark.parametrize(
    ("microamperes", "expected"),
    [
        (4000, Reading(-50.0, 0)),
        (20000, Reading(100.0, 0)),
        (12000, Reading(25.0, 0)),
        (3800, Reading(-51.88, 0)),
        (20500, Reading(104.69, 0)),
        (3799, Reading(None, Quality.OUT_OF_RANGE)),
        (20501, Reading(None, Quality.OUT_OF_RANGE)),
        (3601, Reading(None, Quality.OUT_OF_RANGE)),
        (3600, Reading(None, Quality.SENSOR_MISSING)),
        (21000, Reading(None, Quality.SENSOR_MISSING)),
        (0, Reading(None, Quality.SENSOR_MISSING)),
        (65535, Reading(None, Quality.SENSOR_MISSING)),
        (float("nan"), Reading(None, Quality.NOT_A_NUMBER)),
    ],
)
def test_a_loop_tells_a_measurement_from_a_broken_line(microamperes: float, expected: Reading) -> None:
    assert judge_for(looped())(microamperes) == expected


def test_a_loops_own_range_holds_too() -> None:
    assert judge_for(looped(valid=(0.0, 90.0)))(4000).quality == Quality.OUT_OF_RANGE
