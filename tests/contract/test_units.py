"""Units and quantities: each quantity has one unit, each unit one way into it."""

import pytest

from siloscope_contract.errors import UnknownQuantity, UnknownUnit
from siloscope_contract.quantities import QUANTITIES, quantity
from siloscope_contract.units import UNITS, unit

RFC_8798_SECONDARY = (
    "ms min h MHz kW kVA kvar Ah Wh kWh varh kvarh kVAh Wh/km KiB GB Mbit/s B/s MB/s mV mA dBm ug/m3 mm/h m/h ppm "
    "/100 /1000 hPa mm cm km km/h"
)
RFC_8428_PRIMARY = (
    "m kg g s A K cd mol Hz rad sr N Pa J W C V F Ohm S Wb T H Cel lm lx Bq Gy Sv kat m2 m3 l m/s m/s2 m3/s l/s W/m2 "
    "cd/m2 bit bit/s lat lon pH dB dBW Bspl count / % %RH %EL EL 1/s 1/min beat/min beats S/m "
    "B VA VAs var vars J/m kg/m3 deg NTU"
)


@pytest.mark.parametrize("symbol", [*RFC_8428_PRIMARY.split(), *RFC_8798_SECONDARY.split()])
def test_every_registered_unit_is_known(symbol: str) -> None:
    assert unit(symbol).symbol == symbol


def test_every_unit_leads_to_the_unit_of_its_quantity() -> None:
    for each in UNITS.values():
        assert each.canonical == QUANTITIES[each.quantity].unit
        assert not UNITS[each.canonical].converts


def test_every_quantity_is_stored_in_a_known_unit_and_has_limits() -> None:
    for each in QUANTITIES.values():
        assert each.unit in UNITS
        assert each.low < each.high


@pytest.mark.parametrize(
    ("value", "symbol", "stored", "canonical"),
    [
        (293.15, "K", 20.0, "Cel"),
        (101325.0, "Pa", 1013.25, "hPa"),
        (1013.2, "hPa", 1013.2, "hPa"),
        (36.0, "km/h", 10.0, "m/s"),
        (3_600_000.0, "J", 1.0, "kWh"),
        (1.2, "kW", 1200.0, "W"),
        (30.0, "dBm", 0.0, "dBW"),
        (1.0, "MB/s", 8e6, "bit/s"),
        (50.0, "/100", 0.5, "/"),
        (0.5, "%", 0.5, "/"),
        (2.0, "h", 7200.0, "s"),
        (100.0, "Wh/km", 360.0, "J/m"),
        (1500.0, "ppb", 1.5, "ppm"),
    ],
)
def test_a_value_is_converted_exactly(value: float, symbol: str, stored: float, canonical: str) -> None:
    assert unit(symbol).to_canonical(value) == stored
    assert unit(symbol).canonical == canonical


@pytest.mark.parametrize(("wrong", "right"), [("Celsius", "Cel"), ("°C", "Cel"), ("mbar", "hPa"), ("kwh", "kWh")])
def test_an_unknown_unit_is_refused_with_the_nearest_right_one(wrong: str, right: str) -> None:
    with pytest.raises(UnknownUnit, match=f"did you mean '{right}'"):
        unit(wrong)


def test_a_unit_as_long_as_a_message_is_refused_without_a_guess() -> None:
    with pytest.raises(UnknownUnit, match=r"expected one of \d+ known ones \(SenML units"):
        unit("Celsius" * 9_000)


def test_an_unknown_quantity_is_refused_with_the_nearest_right_one() -> None:
    with pytest.raises(UnknownQuantity, match="did you mean 'wind_speed'"):
        quantity("windspeed")
