"""Derived quantities against published values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_alerting.engine import derived
from siloscope_alerting.engine.derived import Formula
from siloscope_alerting.engine.moisture import MOISTURE


@pytest.mark.parametrize(
    ("formula", "temperature_c", "humidity_pct", "expected", "within"),
    [
        # FAO-56, annex 2, table 2.3: saturation vapour pressure of 20 °C is 2.34 kPa.
        (derived.vapour_pressure_deficit_hpa, 20.0, 50.0, 11.7, 0.05),
        (derived.dew_point_c, 25.0, 100.0, 25.0, 1e-6),
        # Psychrometric tables: 20 °C and 50 % have their dew point at 9.3 °C, their wet bulb at 13.7 to 13.8 °C.
        (derived.dew_point_c, 20.0, 50.0, 9.3, 0.05),
        (derived.dew_point_depression_c, 20.0, 50.0, 10.7, 0.05),
        (derived.delta_t_c, 20.0, 50.0, 6.2, 0.15),
        (derived.delta_t_c, 30.0, 100.0, 0.0, 0.01),
    ],
)
def test_published_values(
    formula: Formula, temperature_c: float, humidity_pct: float, expected: float, within: float
) -> None:
    assert formula(np.array([temperature_c]), np.array([humidity_pct]))[0] == pytest.approx(expected, abs=within)


@pytest.mark.parametrize("formula", [*derived.FORMULAS.values(), *MOISTURE.values()])
@pytest.mark.parametrize(("temperature_c", "humidity_pct"), [(np.nan, 50.0), (20.0, np.nan), (20.0, -1.0)])
def test_what_is_not_known_derives_nothing(formula: Formula, temperature_c: float, humidity_pct: float) -> None:
    assert np.isnan(formula(np.array([temperature_c]), np.array([humidity_pct]))[0])


def test_out_of_range_is_unknown() -> None:
    assert np.isnan(derived.saturation_hpa(np.array([-46.0, 61.0]))).all()


def test_fog_is_saturated() -> None:
    assert derived.dew_point_c(np.array([5.0]), np.array([103.0]))[0] == pytest.approx(5.0)


@given(st.floats(-40, 55), st.floats(1, 100))
def test_dew_point_lies_below_the_wet_bulb_and_that_below_the_air(temperature_c: float, humidity_pct: float) -> None:
    air, damp = np.array([temperature_c]), np.array([humidity_pct])
    wet_bulb = air - derived.delta_t_c(air, damp)
    assert derived.dew_point_c(air, damp)[0] <= wet_bulb[0] + 0.6  # over ice the equation bends
    assert wet_bulb[0] <= air[0] + 0.01
