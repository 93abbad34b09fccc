"""What is usual at such a site: for each quantity where its values lie, how fast they move, how devices code them.

These are beliefs, not limits: an unusual value costs an interpretation bits of evidence and never rules it out. Only
the limits of the contract's quantities do. docs/decisions/0050 says how they are used.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from siloscope_contract.quantities import quantity

_SQRT_TAU = math.sqrt(2 * math.pi)
_BROAD = 0.04
"""The share of belief in values that nobody thought of, spread evenly over the digits' logarithm."""


class Hump(Struct, frozen=True):
    """A part of a belief: ``normal`` with middle and spread; ``even`` or ``log`` from low to high.

    ``log`` is even over magnitudes, and of the value's amount: the sign is open where the quantity has one.
    """

    weight: float
    kind: str
    first: float
    second: float

    def density(self, value: float) -> float:
        """Return the density at a value."""
        if self.kind == "normal":
            apart = (value - self.first) / self.second
            return self.weight * math.exp(-0.5 * apart * apart) / (self.second * _SQRT_TAU) if abs(apart) < 12 else 0.0
        if self.kind == "even":
            return self.weight / (self.second - self.first) if self.first <= value <= self.second else 0.0
        amount = abs(value)
        if not self.first <= amount <= self.second:
            return 0.0
        return self.weight / (amount * math.log(self.second / self.first))


class Way(Struct, frozen=True):
    """A unit in which devices give a quantity: ``value * factor + offset`` is in the quantity's own."""

    name: str
    factor: float
    weight: float
    offset: float = 0.0


class Sense(Struct, frozen=True):
    """What is usual for one quantity.

    Attributes:
        humps: Where its values lie.
        step: By how much it usually moves in a second.
        zero: How often it is exactly 0.
        signed: Whether it goes below 0.
        ways: The units in which devices give it.
        scales: What one step of a whole number means in a device's unit, and how usual that is.
    """

    humps: tuple[Hump, ...]
    step: float
    zero: float = 0.02
    signed: bool = False
    ways: tuple[Way, ...] = (Way("", 1.0, 1.0),)
    scales: Mapping[float, float] = MappingProxyType(
        {1.0: 0.30, 0.1: 0.35, 0.01: 0.20, 0.001: 0.08, 10.0: 0.03, 0.0001: 0.02, 100.0: 0.02}
    )

    def density(self, value: float) -> float:
        """Return how usual a value is."""
        amount = abs(value)
        broad = _BROAD / (amount * 30.0) if 1e-6 < amount < 1e7 else 0.0
        return broad + sum(hump.density(value) for hump in self.humps)

    @property
    def peak(self) -> float:
        """The largest density of its humps, about."""
        middles = [hump.first if hump.kind == "normal" else (hump.first + hump.second) / 2 for hump in self.humps]
        return max(self.density(value) for value in middles)


def _scales(**shares: float) -> Mapping[float, float]:
    """Return shares by the number of decimals: ``d1=0.6`` is a step of 0.1; a little is left for all others."""
    given = {10.0 ** -int(name[1:]): share for name, share in shares.items()}
    return MappingProxyType({**dict.fromkeys((1.0, 0.1, 0.01, 0.001, 10.0, 0.0001, 100.0), 0.01), **given})


_DEGREES = _scales(d1=0.68, d2=0.22, d0=0.06)
_CELSIUS = (Way("°C", 1.0, 0.93), Way("°F", 5 / 9, 0.04, -160 / 9), Way("K", 1.0, 0.03, -273.15))
_FRACTION = (Way("%", 0.01, 0.80), Way("", 1.0, 0.20))
_PRESSURES = (
    Way("hPa", 1.0, 0.72), Way("kPa", 10.0, 0.13), Way("Pa", 0.01, 0.10), Way("mmHg", 1.33322, 0.03),
    Way("inHg", 33.8639, 0.02),
)  # fmt: skip
_SPEEDS = (Way("m/s", 1.0, 0.85), Way("km/h", 1 / 3.6, 0.07), Way("kn", 0.514444, 0.05), Way("mph", 0.44704, 0.03))
_LUX = (Way("lx", 1.0, 0.9), Way("klx", 1000.0, 0.1))
_WORK = (Way("kWh", 1.0, 0.85), Way("Wh", 0.001, 0.15))
_SIEMENS = (Way("µS/cm", 1e-4, 0.72), Way("mS/cm", 0.1, 0.23), Way("S/m", 1.0, 0.05))

SENSES: Mapping[str, Sense] = MappingProxyType(
    {
        "temperature": Sense(
            (Hump(0.90, "normal", 15, 13), Hump(0.06, "even", -45, 95)), 0.05, 0.003, True, _CELSIUS, _DEGREES
        ),
        "dew_point": Sense(
            (Hump(0.90, "normal", 8, 10), Hump(0.06, "even", -60, 60)), 0.05, 0.003, True, _CELSIUS, _DEGREES
        ),
        "relative_humidity": Sense(
            (Hump(0.80, "normal", 65, 22), Hump(0.16, "even", 0, 100)), 0.1, 0.005,
            ways=(Way("%", 1.0, 0.98), Way("", 100.0, 0.02)), scales=_scales(d1=0.68, d2=0.18, d0=0.10),
        ),
        "air_pressure": Sense(
            (Hump(0.80, "normal", 1005, 22), Hump(0.16, "even", 650, 1085)), 0.05, 0.0, ways=_PRESSURES,
            scales=_scales(d1=0.55, d0=0.20, d2=0.18, d3=0.03),
        ),
        "pressure": Sense((Hump(0.60, "log", 1, 1e5), Hump(0.36, "normal", 1005, 25)), 1.0, ways=_PRESSURES),
        "co2": Sense(
            (Hump(0.50, "log", 350, 1200), Hump(0.42, "log", 350, 30000), Hump(0.04, "log", 10, 2e5)), 5.0, 0.01,
            ways=(Way("ppm", 1.0, 0.95), Way("%", 10000.0, 0.05)), scales=_scales(d0=0.82, d1=0.05, d2=0.02),
        ),
        "concentration": Sense((Hump(0.96, "log", 0.1, 1e5),), 5.0, 0.1, scales=_scales(d0=0.7, d1=0.2)),
        "wind_speed": Sense(
            (Hump(0.80, "even", 0, 8), Hump(0.15, "even", 0, 30)), 0.5, 0.12, ways=_SPEEDS,
            scales=_scales(d1=0.55, d2=0.36, d0=0.04),
        ),
        "wind_direction": Sense(
            (Hump(0.96, "even", 0, 360),), 12.0, 0.04, scales=_scales(d0=0.68, d1=0.26)
        ),
        "rain": Sense((Hump(0.90, "log", 0.1, 5000),), 0.02, 0.3, ways=(Way("mm", 1.0, 0.9), Way("in", 25.4, 0.1))),
        "precipitation": Sense((Hump(0.90, "log", 0.1, 500),), 0.02, 0.4),
        "precipitation_rate": Sense((Hump(0.90, "log", 0.1, 100),), 0.2, 0.5),
        "irradiance": Sense((Hump(0.95, "even", 0, 1150),), 5.0, 0.3, scales=_scales(d0=0.75, d1=0.2)),
        "illuminance": Sense((Hump(0.95, "log", 1, 130_000),), 50.0, 0.1, ways=_LUX),
        "moisture": Sense(
            (Hump(0.75, "even", 0.05, 0.45), Hump(0.20, "even", 0.0, 1.0)), 0.0005, 0.03, ways=_FRACTION,
            scales=_scales(d1=0.60, d2=0.25, d0=0.10),
        ),
        "ratio": Sense((Hump(0.95, "even", 0, 1),), 0.005, 0.05, ways=_FRACTION),
        "voltage": Sense(
            (
                Hump(0.35, "normal", 230, 8), Hump(0.12, "normal", 400, 12), Hump(0.14, "normal", 24, 2),
                Hump(0.14, "normal", 12.8, 1.0), Hump(0.06, "normal", 120, 5), Hump(0.15, "log", 0.05, 1000),
            ), 0.3, 0.03, ways=(Way("V", 1.0, 0.9), Way("mV", 0.001, 0.1)), scales=_scales(d1=0.60, d2=0.25, d0=0.08),
        ),
        "current": Sense(
            (Hump(0.95, "log", 0.02, 300),), 0.05, 0.15, True, (Way("A", 1.0, 0.85), Way("mA", 0.001, 0.15)),
            _scales(d2=0.40, d3=0.30, d1=0.18, d0=0.06),
        ),
        "power": Sense(
            (Hump(0.95, "log", 1, 100_000),), 20.0, 0.15, True, (Way("W", 1.0, 0.8), Way("kW", 1000.0, 0.2)),
            _scales(d0=0.45, d1=0.35, d2=0.10, d3=0.05),
        ),
        "energy": Sense((Hump(0.95, "log", 0.1, 1e6),), 0.005, 0.03, ways=_WORK),
        "energy_import": Sense(
            (Hump(0.95, "log", 0.1, 1e6),), 0.005, 0.03, ways=_WORK
        ),
        "frequency": Sense(
            (Hump(0.72, "normal", 50, 0.08), Hump(0.12, "normal", 60, 0.08), Hump(0.12, "log", 0.1, 1e4)), 0.01, 0.02,
            scales=_scales(d2=0.55, d1=0.30, d0=0.05, d3=0.05),
        ),
        "power_factor": Sense(
            (Hump(0.60, "even", 0.75, 1.0), Hump(0.36, "even", -1.0, 1.0)), 0.005, 0.03, True,
            scales=_scales(d2=0.45, d3=0.45, d4=0.03),
        ),
        "conductivity": Sense(
            (Hump(0.95, "log", 0.001, 2.0),), 0.0005, 0.05, ways=_SIEMENS,
            scales=_scales(d0=0.6, d1=0.2, d2=0.1, d3=0.05)
        ),
        "acidity": Sense(
            (Hump(0.90, "normal", 6.8, 1.1), Hump(0.06, "even", 0, 14)), 0.02, 0.005, scales=_scales(d1=0.5, d2=0.45)
        ),
        "battery_level": Sense((Hump(0.96, "even", 0, 100),), 0.01, 0.01, scales=_scales(d0=0.8, d1=0.15)),
        "sound_pressure_level": Sense((Hump(0.95, "normal", 50, 15),), 2.0, 0.01, scales=_scales(d1=0.8, d0=0.15)),
        "density": Sense(
            (Hump(0.95, "even", 0, 0.06),), 1e-5, 0.01, ways=(Way("g/m³", 0.001, 0.9), Way("kg/m³", 1.0, 0.1)),
            scales=_scales(d1=0.5, d2=0.4),
        ),
    }
)  # fmt: skip


def sense_of(name: str, shown: float | None = None) -> Sense:
    """Return what is usual for a quantity; where nothing is known of it, any magnitude within its limits.

    Args:
        name: The quantity; empty where none is stated.
        shown: A value on the display: how fast an unknown quantity moves is guessed from it.
    """
    if name in SENSES:
        return SENSES[name]
    low = quantity(name).low if name else -1.0
    step = 0.01 * abs(shown) if shown else 0.5
    return Sense((Hump(0.95, "log", 0.001, 1e6),), step, 0.1, low < 0)
