"""Grain in a bin: heat is conserved, wet grain heats itself, the fan cools from below."""

import pytest

from siloscope_firmware_sim.physics import bin_shape, respiration
from siloscope_firmware_sim.physics.bin_shape import BinShape
from siloscope_firmware_sim.physics.grain import Charge, GrainModel, GrainState, Outside

SHAPE = BinShape(diameter_m=9.0, eave_height_m=8.0, cables=5, levels=8, grain_levels=7)
COLD = Outside(temperature_c=2.0, humidity_pct=60.0, speed_m_s=3.0, roof_c=2.0)
HOT_CELL = SHAPE.cell(1, 4)


def charge(*, grain_c: float = 20.0, moisture_pct: float = 12.0, spot_pct: float | None = None) -> Charge:
    moisture = [moisture_pct] * SHAPE.cells
    if spot_pct is not None:
        moisture[HOT_CELL] = spot_pct
    return Charge((grain_c,) * SHAPE.cells, tuple(moisture), (1.0,) * 5)


def after(hours: int, grain: Charge, outside: Outside = COLD, *, blowing: bool = False) -> GrainState:
    model = GrainModel(SHAPE, grain)
    state = model.start(outside)
    for _ in range(hours):
        state = model.step(state, outside, blowing=blowing)
    return state


def heat_j(state: GrainState) -> float:
    cables = [1 + cell % SHAPE.cables for cell in range(SHAPE.cells)]
    return sum(
        cell * SHAPE.cell_kg(cable) * bin_shape.HEAT_J_KG_K for cell, cable in zip(state.cells_c, cables, strict=True)
    )


def test_the_cells_hold_the_whole_grain() -> None:
    mass = sum(SHAPE.cell_kg(cable) for cable in range(1, 6)) * SHAPE.grain_levels

    assert mass == pytest.approx(SHAPE.floor_m2 * 7.0 * bin_shape.DENSITY_KG_M3)


def test_dry_grain_in_the_cold_loses_heat_hour_by_hour() -> None:
    energies = [heat_j(after(hours, charge())) for hours in (0, 24, 240, 720)]

    assert energies == sorted(energies, reverse=True)


def test_conduction_alone_neither_makes_nor_loses_heat() -> None:
    uneven = Charge(tuple(10.0 + cell for cell in range(SHAPE.cells)), (12.0,) * SHAPE.cells, (1.0,) * 5)
    model = GrainModel(SHAPE, uneven)
    watts = [0.0] * SHAPE.cells
    for one, other, conductance in SHAPE.links():
        flow = conductance * (uneven.temperature_c[other] - uneven.temperature_c[one])
        watts[one] += flow
        watts[other] -= flow

    assert sum(watts) == pytest.approx(0.0, abs=1e-9)
    assert len(SHAPE.links()) == 7 * (4 + 4) + 6 * 5
    assert model.start(COLD).mean_c == pytest.approx(sum(uneven.temperature_c) / SHAPE.cells)


def test_a_wet_pocket_heats_and_a_wetter_one_faster() -> None:
    rises = [after(480, charge(spot_pct=spot)).cells_c[HOT_CELL] - 20.0 for spot in (12.0, 15.0, 16.5)]

    assert rises == sorted(rises)
    assert rises[0] < 1.0
    assert rises[2] > 8.0


def test_self_heating_stops_short_of_sixty_degrees() -> None:
    assert 50.0 < after(1400, charge(spot_pct=19.0)).cells_c[HOT_CELL] < 60.0


def test_the_fan_cools_from_below_and_the_front_rises() -> None:
    state = after(60, charge(), blowing=True)
    column = [state.cells_c[SHAPE.cell(2, level)] for level in range(1, 8)]

    assert column == sorted(column)
    assert column[0] < 8.0
    assert column[-1] > 17.0


def test_a_cooling_front_needs_about_150_hours_at_a_tenth_cfm_per_bushel() -> None:
    half_way = (20.0 + COLD.temperature_c + 1.5) / 2

    top = [after(hours, charge(), blowing=True).cells_c[SHAPE.cell(2, 7)] for hours in (100, 200)]

    assert top[0] > half_way > top[1]


def test_a_column_of_fines_cools_later() -> None:
    grain = charge()
    dense = Charge(grain.temperature_c, grain.moisture_pct, (0.3, 1.0, 1.0, 1.0, 1.0))
    state = after(60, dense, blowing=True)

    assert state.cells_c[SHAPE.cell(1, 3)] > state.cells_c[SHAPE.cell(2, 3)] + 3.0


def test_spoiling_grain_shows_in_the_head_space_and_the_fan_flushes_it() -> None:
    dry, spoiling = after(400, charge()), after(400, charge(spot_pct=17.0))
    flushed = GrainModel(SHAPE, charge(spot_pct=17.0)).step(spoiling, COLD, blowing=True)

    assert 420.0 < dry.head_co2_ppm < 600.0
    assert spoiling.head_co2_ppm > 800.0
    assert flushed.head_co2_ppm < 500.0


def test_multipliers_are_one_at_the_reference_of_their_source() -> None:
    assert respiration.temperature_multiplier(15.56) == pytest.approx(1.0, rel=0.01)
    assert respiration.moisture_multiplier(25.0) == pytest.approx(1.0, rel=0.1)
