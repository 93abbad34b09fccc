"""Quantities: what is measured, the one unit it is stored in, and what is physically possible.

The limits are those of physics, not of an instrument: a profile or a birth narrows them. A reading outside of them is
stored as failed (``not_plausible``), and its message is kept in quarantine.
"""

from types import MappingProxyType

import msgspec

from siloscope_contract.errors import UnknownQuantity, one_of


class Quantity(msgspec.Struct, frozen=True):
    """A measured quantity.

    Attributes:
        name: Slug, ``wind_direction``.
        unit: The one unit that values of it are stored and shown in.
        low: Smallest possible value in that unit.
        high: Largest possible value in that unit.
        circular: It wraps around (a direction), so its mean is a vector's.
        counter: It only grows, but for resets (rain, energy).
    """

    name: str
    unit: str
    low: float
    high: float
    circular: bool = False
    counter: bool = False


_ANY = 1e15
_ABSOLUTE_ZERO_C = -273.15
_SATURATED_PCT = 105.0
"""Humidity probes overshoot saturation by a few per cent; above this they are broken."""

# Of several quantities with one unit, the first is what a bare value of that unit is.
_ALL = (
    # What grain, produce and weather are about
    Quantity("temperature", "Cel", _ABSOLUTE_ZERO_C, 1500.0),
    Quantity("dew_point", "Cel", _ABSOLUTE_ZERO_C, 100.0),
    Quantity("relative_humidity", "%RH", 0.0, _SATURATED_PCT),
    Quantity("pressure", "hPa", 0.0, 1e7),
    Quantity("air_pressure", "hPa", 300.0, 1200.0),
    Quantity("concentration", "ppm", 0.0, 1e6),
    Quantity("co2", "ppm", 0.0, 1e6),
    Quantity("ratio", "/", -_ANY, _ANY),
    Quantity("moisture", "/", 0.0, 1.0),
    Quantity("speed", "m/s", -3e8, 3e8),
    Quantity("wind_speed", "m/s", 0.0, 120.0),
    Quantity("angle", "deg", -1e6, 1e6),
    Quantity("wind_direction", "deg", 0.0, 360.0, circular=True),
    Quantity("precipitation", "mm", 0.0, 1e6),
    Quantity("rain", "mm", 0.0, 1e6, counter=True),
    Quantity("precipitation_rate", "mm/h", 0.0, 5000.0),
    Quantity("irradiance", "W/m2", -500.0, 1e6),
    Quantity("mass_concentration", "ug/m3", 0.0, 1e12),
    # Electricity
    Quantity("voltage", "V", -1e9, 1e9),
    Quantity("current", "A", -1e9, 1e9),
    Quantity("power", "W", -1e12, 1e12),
    Quantity("apparent_power", "VA", -1e12, 1e12),
    Quantity("reactive_power", "var", -1e12, 1e12),
    Quantity("power_factor", "/", -1.0, 1.0),
    Quantity("energy", "kWh", -1e12, 1e12),
    Quantity("energy_import", "kWh", 0.0, 1e12, counter=True),
    Quantity("apparent_energy", "VAs", -_ANY, _ANY),
    Quantity("reactive_energy", "vars", -_ANY, _ANY),
    Quantity("energy_per_distance", "J/m", -_ANY, _ANY),
    Quantity("charge", "C", -_ANY, _ANY),
    Quantity("frequency", "Hz", 0.0, _ANY),
    Quantity("capacitance", "F", 0.0, _ANY),
    Quantity("resistance", "Ohm", 0.0, _ANY),
    Quantity("conductance", "S", 0.0, _ANY),
    Quantity("conductivity", "S/m", 0.0, _ANY),
    Quantity("magnetic_flux", "Wb", -_ANY, _ANY),
    Quantity("magnetic_flux_density", "T", -_ANY, _ANY),
    Quantity("inductance", "H", 0.0, _ANY),
    # Everything else that SenML can carry
    Quantity("length", "m", -_ANY, _ANY),
    Quantity("area", "m2", 0.0, _ANY),
    Quantity("volume", "m3", 0.0, _ANY),
    Quantity("mass", "kg", -_ANY, _ANY),
    Quantity("density", "kg/m3", 0.0, _ANY),
    Quantity("duration", "s", -_ANY, _ANY),
    Quantity("acceleration", "m/s2", -_ANY, _ANY),
    Quantity("volume_flow", "m3/s", -_ANY, _ANY),
    Quantity("force", "N", -_ANY, _ANY),
    Quantity("luminous_intensity", "cd", 0.0, _ANY),
    Quantity("luminous_flux", "lm", 0.0, _ANY),
    Quantity("illuminance", "lx", 0.0, _ANY),
    Quantity("luminance", "cd/m2", 0.0, _ANY),
    Quantity("amount_of_substance", "mol", 0.0, _ANY),
    Quantity("catalytic_activity", "kat", 0.0, _ANY),
    Quantity("radioactivity", "Bq", 0.0, _ANY),
    Quantity("absorbed_dose", "Gy", 0.0, _ANY),
    Quantity("equivalent_dose", "Sv", 0.0, _ANY),
    Quantity("plane_angle", "rad", -_ANY, _ANY),
    Quantity("solid_angle", "sr", 0.0, _ANY),
    Quantity("latitude", "lat", -90.0, 90.0),
    Quantity("longitude", "lon", -180.0, 180.0),
    Quantity("acidity", "pH", -10.0, 20.0),
    Quantity("level_ratio", "dB", -1e6, 1e6),
    Quantity("power_level", "dBW", -1e6, 1e6),
    Quantity("sound_pressure_level", "Bspl", -1e6, 1e6),
    Quantity("turbidity", "NTU", 0.0, _ANY),
    Quantity("count", "count", -_ANY, _ANY),
    Quantity("battery_level", "%EL", 0.0, 100.0),
    Quantity("battery_time_left", "EL", 0.0, _ANY),
    Quantity("event_rate", "1/s", 0.0, _ANY),
    Quantity("event_rate_per_minute", "1/min", 0.0, _ANY),
    Quantity("heart_rate", "beat/min", 0.0, 1000.0),
    Quantity("heart_beats", "beats", 0.0, _ANY),
    Quantity("data_size", "B", 0.0, _ANY),
    Quantity("data_bits", "bit", 0.0, _ANY),
    Quantity("data_rate", "bit/s", 0.0, _ANY),
    Quantity("dimensionless", "", -_ANY, _ANY),
)

QUANTITIES = MappingProxyType({quantity.name: quantity for quantity in _ALL})


def quantity(name: str, place: str = "quantity") -> Quantity:
    """Return the quantity called ``name``.

    Raises:
        UnknownQuantity: There is none; the message names the nearest.
    """
    try:
        return QUANTITIES[name]
    except KeyError:
        raise UnknownQuantity(
            "unknown_quantity", place=place, found=name, expected=one_of(list(QUANTITIES), name)
        ) from None
