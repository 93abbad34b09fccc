"""The moisture that a grain comes to in air of some temperature and humidity, by crop.

Equations of the forms of ASAE D245, *Moisture Relationships of Plant-based Agricultural Products*. Each crop names
where its constants were found in print, or which published table they reproduce to its last digit; published fits of
one crop differ by one to two percentage points. Air of 20 to 90 % humidity; temperatures of -20 to 60 °C, of which the
tables have 0 to 38 °C.
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


# Storage of Cereal Grains and Their Products, 5th edition, page 272.
_WHEAT = chung_pfost(610.34, 0.15526, 93.213)
# Printed for shelled corn as of ASABE D245.6; reproduces the Henderson-Thompson table of the Airstream 18 heater.
_MAIZE = henderson(8.6541e-5, 1.8634, 49.810)
# Reproduce the University of Arkansas' tables of equilibrium moisture (long-grain rough rice, sorghum) to 0.06 points.
_RICE = henderson(4.1276e-5, 2.1191, 49.828)
_SORGHUM = chung_pfost(797.33, 0.18159, 52.238)
# ASAE D245.5, table 2, variety Essex; reproduces Arkansas' table to 0.06 points.
_SOYBEANS = halsey(2.87, -0.0054, 1.38)
# Reproduces the canola table of BASF's storage-monitoring template to 0.06 points.
_RAPESEED = henderson(50.56e-5, 1.5702, 40.1205)
# The University of Arkansas' calculator of equilibrium moisture.
_BARLEY = henderson(2.2919e-5, 2.0123, 195.267)
# ASAE D245.5, table 2.
_OATS = chung_pfost(442.85, 0.21228, 35.803)
MOISTURE: Mapping[str, Isotherm] = MappingProxyType(
    {
        "wheat": _WHEAT,
        "maize": _MAIZE,
        "corn": _MAIZE,
        "barley": _BARLEY,
        "oats": _OATS,
        "rice": _RICE,
        "rough_rice": _RICE,
        "sorghum": _SORGHUM,
        "soybean": _SOYBEANS,
        "soybeans": _SOYBEANS,
        "rapeseed": _RAPESEED,
        "canola": _RAPESEED,
    }
)
"""By the place's attribute `crop`; rice is long-grain rough rice."""
