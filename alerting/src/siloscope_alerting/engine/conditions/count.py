"""How many channels of a subject are in a state."""

import numpy as np

from siloscope_alerting.columns import Flags, Float
from siloscope_alerting.engine.conditions.look import Judged
from siloscope_alerting.engine.joins import Indices
from siloscope_contract.alerts.conditions import Count


def judge(condition: Count, counted: Flags, starts: Indices) -> Judged:
    """Compare, for each subject, how many of its rows count with what is asked; a share is of all of them."""
    number = np.add.reduceat(counted.astype(np.int64), starts)
    figure: Float = number.astype(np.float64)
    if condition.share is not None:
        figure = figure / np.diff(np.r_[starts, len(counted)])
        breached = figure >= condition.share
    else:
        breached = number >= (condition.at_least or 1)
    return Judged.of(breached, ~breached, figure)
