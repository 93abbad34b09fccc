"""How many channels of a subject are in a state."""

import numpy as np

from siloscope_alerting.columns import Flags, Float
from siloscope_alerting.engine.conditions.look import Judged
from siloscope_alerting.engine.joins import Indices
from siloscope_contract.alerts.conditions import Count


def judge(condition: Count, counted: Flags, in_doubt: Flags, starts: Indices) -> Judged:
    """Compare, for each subject, how many of its rows count with what is asked; a share is of all of them.

    Unknown where rows that may count, and of which nothing is known now, would decide.
    """
    figure = _figure(condition, counted, starts)
    level = condition.share if condition.share is not None else condition.at_least or 1
    breached = figure >= level
    return Judged.of(breached, ~breached, figure, breached | (_figure(condition, counted | in_doubt, starts) < level))


def _figure(condition: Count, counted: Flags, starts: Indices) -> Float:
    figure: Float = np.add.reduceat(counted.astype(np.float64), starts)
    return figure if condition.share is None else figure / np.diff(np.r_[starts, len(counted)])
