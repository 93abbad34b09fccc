"""A figure of the platform itself."""

import numpy as np

from siloscope_alerting.engine.conditions.look import Judged, Look, above
from siloscope_contract.alerts.conditions import Platform


def judge(condition: Platform, look: Look) -> Judged:
    """Compare the figure of each row's node, or of the platform where nodes have none; unknown where nobody says it.

    A clock may be off to either side.
    """
    metrics = look.judgement.metrics
    whole = metrics.get((condition.metric, None), np.nan)
    nodes = look.table.node_id[look.rows]
    figure = np.full(len(nodes), whole)
    for metric, node_id in metrics:
        if metric == condition.metric and node_id is not None:
            figure[nodes == node_id] = metrics[metric, node_id]
    if condition.metric == "clock_offset_s":
        figure = np.abs(figure)
    return above(figure, condition.above, condition.clear)
