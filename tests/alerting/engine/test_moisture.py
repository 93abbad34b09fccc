"""Equilibrium moisture against published tables, each within the tolerance that is stated with it."""

import numpy as np
import pytest

from siloscope_alerting.engine.moisture import MOISTURE, chung_pfost, henderson

ROUNDING = 0.06
"""Of a table of one digit, in percentage points."""


def wet_pct(crop: str, temperature_c: float, humidity_pct: float) -> float:
    found = MOISTURE[crop](np.array([temperature_c]), np.array([humidity_pct]))
    return float(found[0] * 100)


ARKANSAS_C = [(fahrenheit - 32) / 1.8 for fahrenheit in (35, 50, 70, 100)]
ARKANSAS = {
    "soybeans": {40: (7.8, 7.6, 7.3, 6.9), 60: (11.5, 11.1, 10.7, 10.1), 70: (14.4, 14.0, 13.5, 12.7)},
    "sorghum": {40: (13.3, 12.7, 12.0, 11.1), 60: (15.6, 15.1, 14.4, 13.6), 70: (17.0, 16.5, 15.8, 15.0)},
    "rice": {40: (11.7, 11.0, 10.3, 9.4), 60: (14.9, 14.0, 13.1, 12.0), 70: (16.6, 15.7, 14.6, 13.4)},
    "maize": {40: (12.1, 11.2, 10.3, 9.2), 60: (15.7, 14.5, 13.4, 12.0), 70: (17.6, 16.3, 15.0, 13.6)},
}
"""University of Arkansas, tables of equilibrium moisture by temperature and humidity, % wet basis."""


@pytest.mark.parametrize(
    ("crop", "tolerance"),
    [("soybeans", ROUNDING), ("sorghum", ROUNDING), ("rice", ROUNDING), ("maize", 0.9)],
)
def test_it_is_what_the_tables_of_arkansas_say(crop: str, tolerance: float) -> None:
    for humidity_pct, row in ARKANSAS[crop].items():
        found = [wet_pct(crop, temperature_c, humidity_pct) for temperature_c in ARKANSAS_C]
        assert found == pytest.approx(row, abs=tolerance)


@pytest.mark.parametrize(
    ("fahrenheit", "row"),
    [
        (35, (9.5, 11.3, 13.0, 14.8, 16.8, 19.1, 22.2)),
        (70, (8.1, 9.7, 11.2, 12.8, 14.5, 16.6, 19.4)),
        (100, (7.3, 8.7, 10.1, 11.6, 13.2, 15.1, 17.7)),
    ],
)
def test_maize_is_what_the_table_of_a_heater_says(fahrenheit: float, row: tuple[float, ...]) -> None:
    """Henderson-Thompson table of shelled corn in the manual of the Airstream 18 heater: 30 to 90 % humidity."""
    found = [wet_pct("maize", (fahrenheit - 32) / 1.8, humidity_pct) for humidity_pct in range(30, 91, 10)]
    assert found == pytest.approx(row, abs=ROUNDING)


@pytest.mark.parametrize(("crop", "expected"), [("maize", 11.3), ("soybeans", 8.8)])
def test_it_is_what_kentucky_says(crop: str, expected: float) -> None:
    """University of Kentucky, moisture content charts (Lee, McNeill 2012): 70 °F, 50 % humidity."""
    assert wet_pct(crop, 21.111, 50) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("temperature_c", "row"),
    [
        (-2.0, (8.2, 8.9, 9.7, 10.5, 11.3, 12.2, 13.2, 14.3)),
        (10.0, (7.0, 7.6, 8.3, 8.9, 9.7, 10.5, 11.3, 12.3)),
        (26.0, (5.9, 6.5, 7.0, 7.6, 8.2, 8.9, 9.7, 10.5)),
    ],
)
def test_canola_is_what_the_table_of_basf_says(temperature_c: float, row: tuple[float, ...]) -> None:
    """BASF's storage-monitoring template: 45 to 80 % humidity."""
    found = [wet_pct("canola", temperature_c, humidity_pct) for humidity_pct in range(45, 81, 5)]
    assert found == pytest.approx(row, abs=ROUNDING)


@pytest.mark.parametrize(
    ("temperature_c", "humidity_pct", "expected", "tolerance"),
    [
        # Nox Storage, balance between relative humidity and water content of the grain.
        (20.0, 70, 14.5, 0.5),
        # AHDB, grain storage moisture targets: equilibrium humidity of wheat of 14.5 %.
        (25.0, 66, 14.5, 0.6),
        (5.0, 56, 14.5, 1.3),
    ],
)
def test_wheat_is_near_what_advisers_say(
    temperature_c: float, humidity_pct: float, expected: float, tolerance: float
) -> None:
    assert wet_pct("wheat", temperature_c, humidity_pct) == pytest.approx(expected, abs=tolerance)


SECOND = {
    # The University of Arkansas' calculator.
    "wheat": (henderson(2.3007e-5, 2.2857, 55.815), 0.9),
    # Storage of Cereal Grains and Their Products, 5th edition, page 272; oats are of a share of dry mass there.
    "oats": (chung_pfost(433.157, 0.21581, 41.439), 0.8),
    "barley": (chung_pfost(457.12, 0.14843, 71.996), 2.3),
}
"""Another published fit of the same crop, and by how many percentage points it is another where grain is stored."""


@pytest.mark.parametrize("crop", SECOND)
def test_two_published_fits_differ_by_no_more_than_told(crop: str) -> None:
    second, tolerance = SECOND[crop]
    temperature_c, humidity_pct = np.meshgrid(np.array([5.0, 15.0, 25.0, 35.0]), np.array([40.0, 50.0, 60.0, 70.0]))
    differences = MOISTURE[crop](temperature_c, humidity_pct) - second(temperature_c, humidity_pct)
    assert np.abs(differences).max() * 100 < tolerance


@pytest.mark.parametrize("crop", MOISTURE)
def test_more_humid_air_and_colder_air_make_it_moister(crop: str) -> None:
    by_humidity = [wet_pct(crop, 20, humidity) for humidity in range(20, 91, 5)]
    by_temperature = [wet_pct(crop, temperature, 65) for temperature in range(-15, 51, 5)]
    assert by_humidity == sorted(by_humidity)
    assert by_temperature == sorted(by_temperature, reverse=True)
    assert 4 < wet_pct(crop, 20, 65) < 16


def test_seeds_rich_in_oil_hold_less_water() -> None:
    oily = [wet_pct(crop, 20, 65) for crop in ("rapeseed", "soybeans")]
    assert max(oily) < min(wet_pct(crop, 20, 65) for crop in ("barley", "oats", "wheat", "maize", "rice", "sorghum"))


@pytest.mark.parametrize(("temperature_c", "humidity_pct"), [(20, 19.9), (20, 90.1), (-20.1, 60), (60.1, 60)])
def test_outside_its_range_nothing_is_told(temperature_c: float, humidity_pct: float) -> None:
    assert np.isnan(wet_pct("barley", temperature_c, humidity_pct))
