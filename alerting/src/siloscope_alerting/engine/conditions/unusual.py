"""A reading outside the range in which its channel was before."""

import numpy as np

from siloscope_alerting.columns import Float
from siloscope_alerting.engine.conditions.look import Judged, Look, above
from siloscope_contract.alerts.conditions import Unusual
from siloscope_contract.alerts.spans import seconds


def judge(condition: Unusual, look: Look) -> Judged:
    """Compare how far each value lies outside its range, as a share of it, without what is too new to count."""
    within = look.window()
    newest_ms = look.view.time_ms[look.rows] - seconds(condition.but) * 1000
    figure = np.full(len(look.rows), np.nan)
    for index in np.flatnonzero(within.covered(look.allowance_ms, 0.25) & ~np.isnan(look.value)):
        seen = within.extremes(int(index), int(newest_ms[index]))
        if len(seen):
            figure[index] = _beyond(float(look.value[index]), seen, condition)
    return above(figure, condition.beyond, condition.clear if condition.clear is not None else 0.0)


def _beyond(value: float, seen: Float, condition: Unusual) -> float:
    low, high = np.percentile(seen, (1, 99))
    width = max(float(high - low), condition.least)
    over, under = max(value - float(high), 0.0), max(float(low) - value, 0.0)
    distance = {"above": over, "below": under, "either": max(over, under)}[condition.side]
    if distance == 0:
        return 0.0
    return distance / width if width else float("inf")
