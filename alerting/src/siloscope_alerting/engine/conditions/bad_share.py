"""Too many readings of a window are bad."""

import numpy as np

from siloscope_alerting.engine.conditions.look import Judged, Look, above
from siloscope_contract.alerts.conditions import BadShare

_LEAST_READINGS = 3


def judge(condition: BadShare, look: Look) -> Judged:
    """Compare the share of bad readings; three readings at least."""
    within = look.window()
    good, bad = within.good(), within.bad()
    together = good + bad
    share = np.where(together >= _LEAST_READINGS, bad / np.maximum(together, 1), np.nan)
    return above(share, condition.above, condition.clear)
