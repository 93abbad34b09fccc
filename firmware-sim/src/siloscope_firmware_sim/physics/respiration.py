"""Self-heating: grain and the moulds on it burn dry matter, the faster the wetter and warmer it is.

Dry matter loss of shelled corn, time to 0.5 %: t = 230 h * M_T * M_M (Steele, Saul and Hukill 1969; Thompson 1972,
Transactions of the ASAE 15(2): 333-337; the form of ASABE D535). Taken as a constant rate up to there; the burning is
that of glucose: 15.7 MJ of heat and 1.47 kg of CO2 per kg. Above 32 °C the moulds weaken, at 58 °C they are dead: wet
grain by itself stops short of 60 °C (Christensen and Kaufmann 1969). Wheat and barley are treated as corn.
"""

import math

HEAT_J_KG = 15.7e6
CO2_PER_DRY_MATTER = 1.47
_REFERENCE_H = 230.0
_LOSS_AT_REFERENCE = 0.005
_WEAK_C = 32.0
_DEAD_C = 58.0


def moisture_multiplier(moisture_pct: float) -> float:
    """Return M_M for a moisture in percent wet basis, 11 to 26: 1 at 25 %, more for drier grain."""
    dry_basis = 100 * moisture_pct / (100 - moisture_pct)
    exponential: float = math.exp(455 / dry_basis**1.53)
    return 0.103 * (exponential - 0.00845 * dry_basis + 1.558)


def temperature_multiplier(temperature_c: float) -> float:
    """Return M_T: 1 at 60 °F (15.6 °C), half for each 6.6 K more."""
    return 32.3 * math.exp(-0.1044 * temperature_c - 1.856)


def dry_matter_per_s(moisture_pct: float) -> float:
    """Return what a kilogram of dry matter of this moisture loses in a second at 60 °F (15.6 °C), in kilograms."""
    return _LOSS_AT_REFERENCE / (3600 * _REFERENCE_H * moisture_multiplier(moisture_pct))


def activity(temperature_c: float) -> float:
    """Return how much faster that goes at another temperature: 1 / M_T, less where it is too hot for moulds."""
    vigour = min(max((_DEAD_C - temperature_c) / (_DEAD_C - _WEAK_C), 0.0), 1.0)
    return vigour / temperature_multiplier(temperature_c)
