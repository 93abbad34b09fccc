"""A season of a bin: a function of time alone."""

from functools import cache

import pytest

from siloscope_firmware_sim.physics.bin_shape import BinShape
from siloscope_firmware_sim.physics.fan import FanRule
from siloscope_firmware_sim.physics.grain import Charge, GrainModel, Outside
from siloscope_firmware_sim.physics.season import Season

HOUR_S = 3600
LENGTH_S = 10 * 24 * HOUR_S
FILLED_S = 1_735_689_600
SHAPE = BinShape(diameter_m=6.0, eave_height_m=4.0, cables=3, levels=4, grain_levels=3)


def weather(time_s: float) -> Outside:
    hour = time_s // HOUR_S % 24
    return Outside(4.0 if hour < 12 else 16.0, 60.0, 2.0, 10.0)


@cache
def season(*, enabled: bool = True, epoch_s: int = FILLED_S) -> Season:
    charge = Charge((20.0,) * SHAPE.cells, (13.0,) * SHAPE.cells, (1.0,) * 3)
    model = GrainModel(SHAPE, charge)
    return Season(model, FanRule(enabled), weather, filled_s=FILLED_S, length_s=LENGTH_S, epoch_s=epoch_s)


def test_a_restart_changes_nothing() -> None:
    time_s = FILLED_S + 3 * 24 * HOUR_S + 1234.5
    first = season().at(time_s)
    season.cache_clear()

    assert season().at(time_s) == first


def test_the_state_moves_without_jumps_from_hour_to_hour() -> None:
    around = [season().at(FILLED_S + 5 * 24 * HOUR_S + second).cells_c[0] for second in (-1, 0, 1)]

    assert max(around) - min(around) < 0.001


def test_the_next_season_is_the_same_but_the_meter_goes_on() -> None:
    now, later = season().at(FILLED_S + 7777), season().at(FILLED_S + 7777 + LENGTH_S)

    assert later.cells_c == now.cells_c
    assert later.fan_hours > now.fan_hours + 20


def test_the_meter_counts_from_the_epoch_and_only_while_the_fan_runs() -> None:
    epoch_s = FILLED_S + 5000
    hours = [season(epoch_s=epoch_s).at(epoch_s + step * 1800).fan_hours for step in range(200)]
    ran = [season(epoch_s=epoch_s).at(epoch_s + step * 1800).fan_runs for step in range(200)]

    assert hours[0] == pytest.approx(0.0)
    assert hours == sorted(hours)
    assert any(ran)
    assert not all(ran)
    assert hours[-1] == pytest.approx(sum(ran) / 2, abs=1.0)


def test_a_fan_that_is_switched_off_leaves_the_grain_warm() -> None:
    late_s = FILLED_S + 9 * 24 * HOUR_S
    cooled, warm = season().at(late_s), season(enabled=False).at(late_s)

    assert (warm.fan_runs, warm.fan_hours) == (False, 0.0)
    assert sum(cooled.cells_c) < sum(warm.cells_c) - 3 * SHAPE.cells


@pytest.mark.parametrize(
    ("running", "grain_c", "outside_c", "humidity_pct", "runs"),
    [
        (False, 20.0, 10.0, 60.0, True),  # clearly colder outside
        (False, 20.0, 16.0, 60.0, False),  # not cold enough to start
        (True, 20.0, 16.0, 60.0, True),  # but enough to go on
        (True, 20.0, 18.0, 60.0, False),
        (True, 20.0, 10.0, 95.0, False),  # fog would wet the grain
        (True, 20.0, -8.0, 60.0, False),  # too cold for the fan
        (True, 2.0, -5.0, 60.0, False),  # cool enough
    ],
)
def test_the_fan_follows_the_rule(
    *, running: bool, grain_c: float, outside_c: float, humidity_pct: float, runs: bool
) -> None:
    rule = FanRule()

    assert rule.runs(running=running, grain_c=grain_c, outside_c=outside_c, humidity_pct=humidity_pct) is runs
