"""A channel that says the same for too long."""

import numpy as np

from siloscope_alerting.engine.conditions.look import Judged, Look
from siloscope_contract.alerts.conditions import Stuck

_LEAST_READINGS = 3
_ROUNDING = 1e-9
"""20.1 less 20 is a little more than 0.1."""


def judge(condition: Stuck, look: Look) -> Judged:
    """Compare the range of the window's readings with the tolerance: a wider one clears, whatever is known."""
    within = look.window()
    figure = within.high() - within.low()
    moved = figure > condition.tolerance + _ROUNDING
    known = moved | ((within.good() >= _LEAST_READINGS) & within.covered(look.allowance_ms))
    return Judged.of(~moved, moved, np.where(np.isinf(figure), np.nan, figure), known & ~np.isinf(figure))
