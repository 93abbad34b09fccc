"""Above or below a level, inside or outside a band."""

import numpy as np

from siloscope_alerting.columns import Float
from siloscope_alerting.engine.conditions.look import Judged, Look, above
from siloscope_contract.alerts.conditions import Threshold


def judge(condition: Threshold, look: Look) -> Judged:
    """Compare each value with the level; a value at the clear level is clear."""
    clear = condition.clear
    if condition.above is not None:
        return above(look.value, condition.above, clear if isinstance(clear, float) else None)
    if condition.below is not None:
        found = above(-look.value, -condition.below, -clear if isinstance(clear, float) else None)
        return Judged(found.breached, found.cleared, look.value)
    if condition.inside is not None:
        inside = _within(look.value, condition.inside)
        wider = _within(look.value, clear) if isinstance(clear, tuple) else inside
        return Judged.of(inside, ~wider, look.value)
    band = condition.outside or (-np.inf, np.inf)
    inner = _within(look.value, clear if isinstance(clear, tuple) else band)
    return Judged.of(~_within(look.value, band), inner, look.value)


def _within(value: Float, band: tuple[float, float]) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    return (value >= band[0]) & (value <= band[1])
