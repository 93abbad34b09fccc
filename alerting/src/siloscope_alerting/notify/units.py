"""Values as a reader reads them: in their units, with their decimal mark. What is stored is never changed."""

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

System = Literal["metric", "us"]


class Shown(NamedTuple):
    """How a stored unit is shown: value * factor + offset, and the sign after it."""

    sign: str
    factor: float = 1.0
    offset: float = 0.0
    space: bool = True


_METRIC = {
    "Cel": Shown("°C"),
    "%RH": Shown("%"),
    "/": Shown("%", 100.0),
    "deg": Shown("°", space=False),
    "W/m2": Shown("W/m²"),
    "ug/m3": Shown("µg/m³"),
    "m2": Shown("m²"),
    "m3": Shown("m³"),
    "Ohm": Shown("Ω"),
}
_US = {
    "Cel": Shown("°F", 1.8, 32.0),
    "hPa": Shown("inHg", 0.029529983),
    "m/s": Shown("mph", 3600 / 1609.344),
    "mm": Shown("in", 1 / 25.4),
    "mm/h": Shown("in/h", 1 / 25.4),
    "m": Shown("ft", 1 / 0.3048),
    "kg": Shown("lb", 1 / 0.45359237),
    "kg/m3": Shown("lb/ft³", 0.062427961),
}


def shown_as(unit: str, system: System) -> Shown:
    """Return how a stored unit is shown to readers of a system."""
    return (_US.get(unit) if system == "us" else None) or _METRIC.get(unit) or Shown(unit)


def converted(value: float, unit: str, system: System, *, difference: bool = False) -> float:
    """Return a value in the reader's unit; a difference of two values has no offset.

    >>> converted(10.0, "Cel", "us"), converted(10.0, "Cel", "us", difference=True)
    (50.0, 18.0)
    """
    shown = shown_as(unit, system)
    return value * shown.factor + (0.0 if difference else shown.offset)


def spoken(
    value: float,
    unit: str,
    system: System = "metric",
    *,
    difference: bool = False,
    decimal: str = ".",
    signs: Mapping[str, str] | None = None,
) -> str:
    """Return a value with its unit.

    Args:
        decimal: The decimal mark.
        signs: What units are called in the reader's language, where it is not their sign.

    >>> spoken(31.24, "Cel", decimal=",")
    '31,2 °C'
    """
    shown = shown_as(unit, system)
    sign = (signs or {}).get(shown.sign, shown.sign)
    number = _number(converted(value, unit, system, difference=difference)).replace(".", decimal).replace("-", "−")
    return f"{number}{' ' if shown.space and sign else ''}{sign}"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    if abs(value) >= 1000 or value == int(value):
        return f"{value:.0f}"
    if abs(value) >= 1:
        return f"{value:.1f}"
    return f"{value:.2g}" if abs(value) >= 1e-4 else "0"
