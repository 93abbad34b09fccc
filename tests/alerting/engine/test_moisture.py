"""Equilibrium moisture against published points, and of each crop by a second published equation."""

import numpy as np
import pytest

from siloscope_alerting.engine.moisture import MOISTURE, chung_pfost, henderson

FAHRENHEIT_35_C, FAHRENHEIT_70_C = 1.667, 21.111


def wet_pct(crop: str, temperature_c: float, humidity_pct: float) -> float:
    found = MOISTURE[crop](np.array([temperature_c]), np.array([humidity_pct]))
    return float(found[0] * 100)


@pytest.mark.parametrize(
    ("crop", "temperature_c", "humidity_pct", "expected"),
    [
        # Henderson-Thompson tables of shelled corn in the manual of the Airstream 18 heater, % wet basis.
        ("maize", FAHRENHEIT_35_C, 50, 13.0),
        ("maize", FAHRENHEIT_35_C, 80, 19.1),
        ("maize", FAHRENHEIT_70_C, 30, 8.1),
        ("maize", FAHRENHEIT_70_C, 60, 12.8),
        ("maize", FAHRENHEIT_70_C, 70, 14.5),
        ("maize", 37.778, 90, 17.7),
        ("wheat", 25.0, 70, 14.68),
        # University of Kentucky, moisture content charts (Lee, McNeill 2012).
        ("soybeans", FAHRENHEIT_70_C, 50, 8.8),
    ],
)
def test_it_is_what_tables_say(crop: str, temperature_c: float, humidity_pct: float, expected: float) -> None:
    assert wet_pct(crop, temperature_c, humidity_pct) == pytest.approx(expected, abs=0.06)


SECOND = {
    "barley": chung_pfost(761.66, 0.19889, 91.323),
    "oats": chung_pfost(442.85, 0.21228, 35.803),
    "rice": chung_pfost(594.61, 0.21732, 35.703),
    "sorghum": chung_pfost(1099.68, 0.19644, 102.849),
    "soybeans": chung_pfost(328.30, 0.13917, 100.288),
    "maize": chung_pfost(312.40, 0.16958, 30.205),
    "rapeseed": henderson(50.56e-5, 1.5702, 40.1205),
    "wheat": henderson(2.3007e-5, 2.2857, 55.815),
}
"""The other equation that was fitted to measurements of the same crop (ASAE D245.4, after Pfost et al. 1976)."""


@pytest.mark.parametrize("crop", SECOND)
def test_two_published_equations_agree_where_grain_is_stored(crop: str) -> None:
    temperature_c, humidity_pct = np.meshgrid(np.array([5.0, 15.0, 25.0, 35.0]), np.array([40.0, 50.0, 60.0, 70.0]))
    one = MOISTURE[crop](temperature_c, humidity_pct)
    other = SECOND[crop](temperature_c, humidity_pct)
    assert np.abs(one - other).max() < 0.016  # standard errors of the fits are about one percentage point each


@pytest.mark.parametrize("crop", MOISTURE)
def test_more_humid_air_and_colder_air_make_it_moister(crop: str) -> None:
    by_humidity = [wet_pct(crop, 20, humidity) for humidity in range(20, 91, 5)]
    by_temperature = [wet_pct(crop, temperature, 65) for temperature in range(-15, 51, 5)]
    assert by_humidity == sorted(by_humidity)
    assert by_temperature == sorted(by_temperature, reverse=True)
    assert 4 < wet_pct(crop, 20, 65) < 15


def test_seeds_rich_in_oil_hold_less_water() -> None:
    oily = [wet_pct(crop, 20, 65) for crop in ("sunflower", "rapeseed", "soybeans")]
    assert max(oily) < min(wet_pct(crop, 20, 65) for crop in ("barley", "oats", "wheat", "maize", "rice", "sorghum"))


@pytest.mark.parametrize(("temperature_c", "humidity_pct"), [(20, 19.9), (20, 90.1), (-20.1, 60), (60.1, 60)])
def test_outside_its_range_nothing_is_told(temperature_c: float, humidity_pct: float) -> None:
    assert np.isnan(wet_pct("barley", temperature_c, humidity_pct))
