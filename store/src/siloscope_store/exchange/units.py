"""Units as files spell them: those of the contract, and those of other people's instruments and spreadsheets.

A file is read as a driver reads a register: its values become the quantity's one unit here, and nothing after converts.
"""

import re
from types import MappingProxyType

from siloscope_contract.errors import UnknownUnit
from siloscope_contract.quantities import QUANTITIES
from siloscope_contract.units import UNITS, Unit, unit

DECIMALS = 9
"""A converted value is rounded to this: 75.02 °F is 23.9 °C and not 23.900000000000002."""


def _of(quantity: str, factor: float = 1.0, *, divisor: float = 1.0, offset: float = 0.0) -> Unit:
    canonical = QUANTITIES[quantity].unit
    return Unit(canonical, quantity, canonical, factor, divisor, offset)


FOREIGN = MappingProxyType(
    {
        "°C": _of("temperature"),
        "degC": _of("temperature"),
        "°F": _of("temperature", 5.0, divisor=9.0, offset=-160.0 / 9.0),
        "degF": _of("temperature", 5.0, divisor=9.0, offset=-160.0 / 9.0),
        "mbar": _of("pressure"),
        "kPa": _of("pressure", 10.0),
        "bar": _of("pressure", 1000.0),
        "inHg": _of("pressure", 33.863886666667),
        "psi": _of("pressure", 68.94757293168),
        "mph": _of("speed", 0.44704),
        "kn": _of("speed", 1852.0, divisor=3600.0),
        "ft/s": _of("speed", 0.3048),
        "in": _of("precipitation", 25.4),
        "in/h": _of("precipitation_rate", 25.4),
        "ft": _of("length", 0.3048),
        "mi": _of("length", 1609.344),
        "lb": _of("mass", 0.45359237),
        "t": _of("mass", 1000.0),
        "°": _of("angle"),
        "W/m²": _of("irradiance"),
        "µg/m³": _of("mass_concentration"),
        "µg/m3": _of("mass_concentration"),
        "MWh": _of("energy", 1000.0),
    }
)
"""Spellings that no SenML registry has. `symbol` is that of the unit they become."""


_SAME = {"℃": "°C", "℉": "°F", "º": "°", "° ": "°", "º ": "°", "μ": "µ"}
_SIGNS = re.compile("|".join(sorted(_SAME, key=len, reverse=True)))


def unit_of(symbol: str) -> Unit:
    """Return the unit that a file spells so.

    Raises:
        UnknownUnit: Nobody knows it, or it says two things: `%` in a file is mostly humidity, in SenML the whole.
    """
    if symbol == "%":
        raise UnknownUnit(
            "unknown_unit", place="unit", found=symbol, expected="'%RH' for humidity, '/100' for a percentage"
        )
    symbol = _SIGNS.sub(lambda found: _SAME[found[0]], symbol)
    return FOREIGN.get(symbol) or UNITS.get(symbol) or unit(symbol)
