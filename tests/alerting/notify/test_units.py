"""Values as readers read them."""

import pytest

from siloscope_alerting.notify.units import System, spoken


@pytest.mark.parametrize(
    ("value", "unit", "system", "difference", "text"),
    [
        (31.24, "Cel", "metric", False, "31.2 °C"),
        (31.24, "Cel", "us", False, "88.2 °F"),
        (5.0, "Cel", "us", True, "9 °F"),  # a rise of 5 °C is one of 9 °F, not of 41
        (-3.5, "Cel", "metric", False, "−3.5 °C"),
        (10.0, "m/s", "us", False, "22.4 mph"),
        (25.4, "mm", "us", False, "1 in"),
        (1013.25, "hPa", "us", False, "29.9 inHg"),
        (0.145, "/", "metric", False, "14.5 %"),
        (812.0, "ppm", "us", False, "812 ppm"),
        (270.0, "deg", "metric", False, "270°"),
        (0.012, "V", "metric", False, "0.012 V"),
        (12_345.6, "hPa", "metric", False, "12346 hPa"),
        (float("nan"), "Cel", "metric", False, "– °C"),
    ],
)
def test_a_value_is_told_in_the_readers_unit(
    value: float, unit: str, system: System, text: str, *, difference: bool
) -> None:
    assert spoken(value, unit, system, difference=difference) == text


def test_decimal_mark_and_signs_are_the_languages() -> None:
    assert spoken(7.25, "m/s", decimal=",", signs={"m/s": "м/с"}) == "7,2 м/с"
