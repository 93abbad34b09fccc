"""What follows from temperature and humidity: each formula with its source and range; outside the range it is NaN."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from siloscope_alerting.columns import Float
from siloscope_contract.alerts.conditions import Reads

# Over water, -45 to 60 °C: Sonntag 1990 as the Magnus formula of WMO-No. 8, annex 4.B.
_MAGNUS_HPA, _MAGNUS_SLOPE, _MAGNUS_C = 6.112, 17.62, 243.12
_PSYCHROMETER_PER_C = 0.00066
_PRESSURE_HPA = 1013.25


def saturation_hpa(temperature_c: Float) -> Float:
    """Return the pressure of saturated vapour over water.

    Source:
        WMO-No. 8 (2018), annex 4.B, equation 4.B.1; -45 to 60 °C.
    """
    return _in_range(_MAGNUS_HPA * np.exp(_MAGNUS_SLOPE * temperature_c / (_MAGNUS_C + temperature_c)), temperature_c)


def dew_point_c(temperature_c: Float, humidity_pct: Float) -> Float:
    """Return the dew point over water.

    Args:
        temperature_c: -45 to 60 °C.
        humidity_pct: Above 0; more than 100, as probes say in fog, is 100.

    Source:
        The inverse of `saturation_hpa`.
    """
    logarithm = np.log(_share(humidity_pct) * saturation_hpa(temperature_c) / _MAGNUS_HPA)
    return _MAGNUS_C * logarithm / (_MAGNUS_SLOPE - logarithm)


def dew_point_depression_c(temperature_c: Float, humidity_pct: Float) -> Float:
    """Return how far the air is above its dew point."""
    return temperature_c - dew_point_c(temperature_c, humidity_pct)


def vapour_pressure_deficit_hpa(temperature_c: Float, humidity_pct: Float) -> Float:
    """Return how much vapour the air could still take up.

    Source:
        Allen et al. 1998, FAO Irrigation and Drainage Paper 56, chapter 3; saturation as above.
    """
    return saturation_hpa(temperature_c) * (1 - _share(humidity_pct))


def delta_t_c(temperature_c: Float, humidity_pct: Float) -> Float:
    """Return the dry bulb less the wet bulb, at the pressure of sea level: what sprayers go by.

    Source:
        The psychrometer equation of WMO-No. 8 (2018), annex 4.B, for an aspirated wet bulb, by halving to 0.001 °C.
    """
    vapour_hpa = saturation_hpa(temperature_c) * _share(humidity_pct)
    low, high = np.full_like(temperature_c, -45.0), temperature_c.copy()
    for _ in range(18):
        middle = (low + high) / 2
        factor_hpa = _PSYCHROMETER_PER_C * (1 + 0.00115 * middle) * _PRESSURE_HPA
        too_dry = saturation_hpa(middle) - factor_hpa * (temperature_c - middle) < vapour_hpa
        low, high = np.where(too_dry, middle, low), np.where(too_dry, high, middle)
    return np.where(np.isnan(vapour_hpa), np.nan, temperature_c - (low + high) / 2)


Formula = Callable[[Float, Float], Float]
FORMULAS: Mapping[Reads, Formula] = MappingProxyType(
    {
        "dew_point": dew_point_c,
        "dew_point_depression": dew_point_depression_c,
        "vapour_pressure_deficit": vapour_pressure_deficit_hpa,
        "delta_t": delta_t_c,
    }
)
UNITS: Mapping[Reads, str] = MappingProxyType(
    {
        "dew_point": "Cel",
        "dew_point_depression": "Cel",
        "vapour_pressure_deficit": "hPa",
        "delta_t": "Cel",
        "equilibrium_moisture": "/",
    }
)


def _share(humidity_pct: Float) -> Float:
    return np.minimum(_between(humidity_pct, 1e-3, np.inf), 100.0) / 100


def _between(value: Float, low: float, high: float) -> Float:
    return np.where((value >= low) & (value <= high), value, np.nan)


def _in_range(value: Float, temperature_c: Float) -> Float:
    return np.where((temperature_c >= -45) & (temperature_c <= 60), value, np.nan)
