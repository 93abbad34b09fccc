"""Above or below a level, inside or outside a band."""

import numpy as np

from siloscope_alerting.columns import Float
from siloscope_alerting.engine.conditions.look import Judged, Look, above
from siloscope_contract.alerts.conditions import Threshold


def judge(condition: Threshold, look: Look) -> Judged:
    """Compare each value with the level; a value at the clear level is clear."""
    return judge_values(condition, look.value)


def judge_values(condition: Threshold, value: Float) -> Judged:
    """Compare values alone."""
    clear = condition.clear
    if condition.above is not None:
        return above(value, condition.above, clear if isinstance(clear, float) else None)
    if condition.below is not None:
        found = above(-value, -condition.below, -clear if isinstance(clear, float) else None)
        return Judged(found.breached, found.cleared, value)
    if condition.inside is not None:
        inside = _within(value, condition.inside)
        wider = _within(value, clear) if isinstance(clear, tuple) else inside
        return Judged.of(inside, ~wider, value)
    band = condition.outside or (-np.inf, np.inf)
    inner = _within(value, clear if isinstance(clear, tuple) else band)
    return Judged.of(~_within(value, band), inner, value)


def _within(value: Float, band: tuple[float, float]) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    return (value >= band[0]) & (value <= band[1])
