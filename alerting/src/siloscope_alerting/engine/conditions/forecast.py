"""A robust trend that reaches a level."""

import numpy as np

from siloscope_alerting.columns import Float, Int64
from siloscope_alerting.engine.conditions.look import Judged, Look, above
from siloscope_contract.alerts.conditions import Forecast
from siloscope_contract.alerts.spans import seconds

_LEAST_POINTS = 8


def judge(condition: Forecast, look: Look) -> Judged:
    """Compare what the trend says for the end of the horizon; the figure is that value."""
    horizon_ms = seconds(condition.within) * 1000
    within = look.window()
    known = within.covered(look.allowance_ms, 0.5) & (within.good() >= _LEAST_POINTS)
    figure = np.full(len(look.rows), np.nan)
    at_ms = look.view.time_ms[look.rows]
    for index in np.flatnonzero(known & ~np.isnan(look.value)):
        times, values = within.points(int(index))
        figure[index] = _forecast(times, values, int(at_ms[index]) + horizon_ms)
    if condition.above is not None:
        return above(figure, condition.above, condition.clear)
    clear = None if condition.clear is None else -condition.clear
    found = above(-figure, np.inf if condition.below is None else -condition.below, clear)
    return Judged(found.breached, found.cleared, figure)


def theil_sen(hours: Float, values: Float) -> tuple[float, float]:
    """Return slope per hour and value at hour 0: the medians of all pairs' slopes and of what they leave.

    Source:
        Theil 1950, Sen 1968; up to 29 % of wild points do not move it.
    """
    later, earlier = np.triu_indices(len(hours), 1)[::-1]
    slope = float(np.median((values[later] - values[earlier]) / (hours[later] - hours[earlier])))
    return slope, float(np.median(values - slope * hours))


def _forecast(times: Int64, values: Float, at_ms: int) -> float:
    if len(times) < _LEAST_POINTS:
        return float("nan")
    hours = (times - times[-1]) / 3_600_000
    slope, value = theil_sen(hours, values)
    return value + slope * (at_ms - int(times[-1])) / 3_600_000
