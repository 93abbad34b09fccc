"""The moisture that a grain comes to in air of some temperature and humidity, by crop.

Equations and constants are those of ASAE D245.5 (OCT1995), *Moisture Relationships of Plant-based Agricultural
Products*; most go back to Pfost et al. 1976 (ASAE paper 76-3520). They are of desorption, which is how grain dries;
varieties differ from them by about one percentage point. Air of 20 to 90 % humidity; temperatures of -20 to 60 °C, of
which 5 to 50 °C were measured.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from siloscope_alerting.columns import Float

Isotherm = Callable[[Float, Float], Float]
_COLDEST_C, _HOTTEST_C = -20.0, 60.0
_DRIEST_PCT, _WETTEST_PCT = 20.0, 90.0


def henderson(k: float, n: float, c: float) -> Isotherm:
    """Return the modified Henderson (Henderson-Thompson) equation: 1 - RH = exp(-K (T + C) M^N), M in % of dry mass."""

    def dry_pct(temperature_c: Float, share: Float) -> Float:
        return (-np.log(1 - share) / (k * (temperature_c + c))) ** (1 / n)

    return _wet(dry_pct)


def chung_pfost(a: float, b: float, c: float) -> Isotherm:
    """Return the modified Chung-Pfost equation: RH = exp(-A / (T + C) exp(-B M)), M in % of dry mass."""

    def dry_pct(temperature_c: Float, share: Float) -> Float:
        return -np.log(-(temperature_c + c) * np.log(share) / a) / b

    return _wet(dry_pct)


def halsey(a: float, b: float, c: float) -> Isotherm:
    """Return the modified Halsey equation, for seeds rich in oil: RH = exp(-exp(A + B T) M^-C), M in % of dry mass."""

    def dry_pct(temperature_c: Float, share: Float) -> Float:
        return (-np.exp(a + b * temperature_c) / np.log(share)) ** (1 / c)

    return _wet(dry_pct)


def _wet(dry_pct: Isotherm) -> Isotherm:
    """Return an equation in shares of the wet mass; NaN outside its range."""

    def moisture(temperature_c: Float, humidity_pct: Float) -> Float:
        share = _between(humidity_pct, _DRIEST_PCT, _WETTEST_PCT) / 100
        found = dry_pct(_between(temperature_c, _COLDEST_C, _HOTTEST_C), share)
        return found / (100 + found)

    return moisture


def _between(value: Float, low: float, high: float) -> Float:
    return np.where((value >= low) & (value <= high), value, np.nan)


_WHEAT = chung_pfost(610.34, 0.15526, 93.213)
_MAIZE = henderson(8.6541e-5, 1.8634, 49.810)
_RAPESEED = halsey(3.489, -0.010553, 1.860)
_SOYBEANS = halsey(2.87, -0.0054, 1.38)
_RICE = henderson(1.9187e-5, 2.4451, 51.161)
MOISTURE: Mapping[str, Isotherm] = MappingProxyType(
    {
        "wheat": _WHEAT,
        "maize": _MAIZE,
        "corn": _MAIZE,
        "barley": henderson(2.2919e-5, 2.0123, 195.267),
        "oats": henderson(8.5511e-5, 2.0087, 37.811),
        "rice": _RICE,
        "rough_rice": _RICE,
        "sorghum": henderson(0.8532e-5, 2.4757, 113.725),
        "soybean": _SOYBEANS,
        "soybeans": _SOYBEANS,
        "rapeseed": _RAPESEED,
        "canola": _RAPESEED,
        "sunflower": henderson(31.0e-5, 1.7459, 66.603),
    }
)
"""By the place's attribute `crop`; rice is rough rice, sunflower that for oil."""
