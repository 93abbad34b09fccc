"""Units: SenML's registry (RFC 8428, 12.1; RFC 8798, 2) and its secondary units (RFC 8798, 3).

Each unit belongs to one quantity, and each quantity is stored in one unit: the one that people of this field read
(hPa, not Pa; kWh, not J; ppm, mm). The pack codec converts, alone; nothing after it does.
"""

from functools import lru_cache
from types import MappingProxyType

import msgspec

from siloscope_contract.errors import LONGEST_WORD, UnknownUnit, one_of
from siloscope_contract.quantities import QUANTITIES


class Unit(msgspec.Struct, frozen=True):
    """A unit as it may stand on the wire.

    A value in it becomes one in ``canonical`` by ``value * factor / divisor + offset``: whole numbers on both sides of
    the fraction, since multiplying by 0.01 is off by one in the last place where dividing by 100 is not.

    Attributes:
        symbol: As registered, case-sensitive.
        quantity: The quantity that a value in it has where nothing says more.
        canonical: The unit that values of that quantity are stored in.
    """

    symbol: str
    quantity: str
    canonical: str
    factor: float = 1.0
    divisor: float = 1.0
    offset: float = 0.0

    @property
    def converts(self) -> bool:
        """Whether a value changes on its way to the canonical unit."""
        return (self.factor, self.divisor, self.offset) != (1.0, 1.0, 0.0)

    def to_canonical(self, value: float) -> float:
        """Return ``value`` of this unit in the canonical one."""
        return value * self.factor / self.divisor + self.offset


def _to(symbol: str, quantity: str, factor: float = 1.0, *, divisor: float = 1.0, offset: float = 0.0) -> Unit:
    return Unit(symbol, quantity, QUANTITIES[quantity].unit, factor, divisor, offset)


_DEFAULTS = {quantity.unit: quantity.name for quantity in reversed(tuple(QUANTITIES.values()))}
"""Of several quantities with one unit the first in the table is what a bare value of that unit is."""

_STORED = tuple(Unit(symbol, quantity, symbol) for symbol, quantity in _DEFAULTS.items())

_CONVERTED = (
    # Primary units of the registry that are not the ones people of this field read
    _to("K", "temperature", offset=-273.15),
    _to("Pa", "pressure", divisor=100.0),
    _to("J", "energy", divisor=3_600_000.0),
    _to("g", "mass", divisor=1000.0),
    _to("l", "volume", divisor=1000.0),
    _to("l/s", "volume_flow", divisor=1000.0),
    _to("%", "ratio"),  # a historical name of "/": 1.0 is the whole, it is not a percentage (RFC 8428, 12.1, note 1)
    # RFC 8798, table 3
    _to("ms", "duration", divisor=1000.0),
    _to("min", "duration", 60.0),
    _to("h", "duration", 3600.0),
    _to("MHz", "frequency", 1e6),
    _to("kW", "power", 1000.0),
    _to("kVA", "apparent_power", 1000.0),
    _to("kvar", "reactive_power", 1000.0),
    _to("Ah", "charge", 3600.0),
    _to("Wh", "energy", divisor=1000.0),
    _to("varh", "reactive_energy", 3600.0),
    _to("kvarh", "reactive_energy", 3_600_000.0),
    _to("kVAh", "apparent_energy", 3_600_000.0),
    _to("Wh/km", "energy_per_distance", 3.6),
    _to("KiB", "data_size", 1024.0),
    _to("GB", "data_size", 1e9),
    _to("Mbit/s", "data_rate", 1e6),
    _to("B/s", "data_rate", 8.0),
    _to("MB/s", "data_rate", 8e6),
    _to("mV", "voltage", divisor=1000.0),
    _to("mA", "current", divisor=1000.0),
    _to("dBm", "power_level", offset=-30.0),
    _to("m/h", "speed", divisor=3600.0),
    _to("/100", "ratio", divisor=100.0),
    _to("/1000", "ratio", divisor=1000.0),
    _to("cm", "length", divisor=100.0),
    _to("km", "length", 1000.0),
    _to("km/h", "speed", divisor=3.6),
    # Registered later
    _to("ppb", "concentration", divisor=1000.0),
)

UNITS = MappingProxyType({unit.symbol: unit for unit in _STORED + _CONVERTED})


def unit(symbol: str, place: str = "unit") -> Unit:
    """Return the unit written ``symbol``.

    Raises:
        UnknownUnit: It is in neither registry; the message names the nearest.
    """
    try:
        return UNITS[symbol]
    except KeyError:
        raise UnknownUnit("unknown_unit", place=place, found=symbol, expected=_nearest(symbol)) from None


_USUAL_MISTAKES = MappingProxyType(
    {
        "c": "Cel", "°c": "Cel", "celsius": "Cel", "celcius": "Cel", "degc": "Cel", "f": "Cel", "°f": "Cel",
        "%rh": "%RH", "rh": "%RH",
        "percent": "%RH", "mbar": "hPa", "bar": "hPa", "mps": "m/s", "w/m²": "W/m2", "w/m^2": "W/m2", "kwh": "kWh",
        "µg/m3": "ug/m3", "°": "deg", "ohm": "Ohm",
    }
)  # fmt: skip


def _nearest(symbol: str) -> str:
    usual = _USUAL_MISTAKES.get(symbol.lower())
    if usual is not None:
        return f"a SenML unit; did you mean {usual!r}?"
    return (_one_of(symbol) if len(symbol) <= LONGEST_WORD else one_of(list(UNITS), symbol)) + _REGISTRIES


@lru_cache(maxsize=4096)  # a device that is wrong once is wrong in each of its messages, and this takes 200 µs
def _one_of(symbol: str) -> str:
    return one_of(list(UNITS), symbol)


_REGISTRIES = " (SenML units, RFC 8428 and RFC 8798)"
