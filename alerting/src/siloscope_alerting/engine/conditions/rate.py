"""A rise or fall within a window."""

import numpy as np

from siloscope_alerting.engine.conditions.look import Judged, Look, above
from siloscope_contract.alerts.conditions import Rate


def judge(condition: Rate, look: Look) -> Judged:
    """Compare each value with the one at its window's begin.

    Where less is known than the window, what it rose since then may breach; that it did not says nothing.
    """
    _, begin = look.window().begin()
    figure = look.value - begin
    if condition.rises is not None:
        found = above(figure, condition.rises, condition.clear)
    else:
        found = above(-figure, np.inf if condition.falls is None else condition.falls, condition.clear)
    told = look.window().covered(look.allowance_ms) | (found.breached == 1)
    return Judged(
        np.where(told, found.breached, -1).astype(np.int8), np.where(told, found.cleared, -1).astype(np.int8), figure
    )
