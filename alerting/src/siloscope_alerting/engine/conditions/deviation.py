"""A reading against the median of its neighbours."""

import numpy as np

from siloscope_alerting.columns import Float, Int32
from siloscope_alerting.engine.conditions.look import Judged, Look, above
from siloscope_contract.alerts.conditions import Deviation

_LEAST_OTHERS = 3


def judge(condition: Deviation, look: Look) -> Judged:
    """Compare each value with the median of the others of its place, level and quantity that are live."""
    difference = look.value - medians_of_others(look.table.neighbours[look.rows], look.value)
    figures = {"warmer": difference, "colder": -difference, "either": np.abs(difference)}
    return above(figures[condition.side], condition.above, condition.clear)


def medians_of_others(neighbours: Int32, value: Float) -> Float:
    """Return for each row the median of the other rows of its group; NaN where fewer than three others are known.

    Rows of a group are sorted by value: without the row itself, the middle ones stand where they did or one further.
    """
    found = np.full(len(value), np.nan)
    live = np.flatnonzero(~np.isnan(value) & (neighbours >= 0))
    if not len(live):
        return found
    order = live[np.lexsort((value[live], neighbours[live]))]
    groups, sorted_values = neighbours[order], value[order]
    first = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    sizes = np.diff(np.r_[first, len(order)])
    start, others = np.repeat(first, sizes), np.repeat(sizes, sizes) - 1
    rank = np.arange(len(order)) - start
    enough = others >= _LEAST_OTHERS
    start, others, rank = start[enough], others[enough], rank[enough]
    low, high = (sorted_values[start + place + (place >= rank)] for place in ((others - 1) // 2, others // 2))
    found[order[enough]] = (low + high) / 2
    return found
