"""Highest less lowest of a place."""

import numpy as np

from siloscope_alerting.engine.conditions.look import Judged, Look, above
from siloscope_contract.alerts.conditions import Spread


def judge(condition: Spread, look: Look) -> Judged:
    """Give each row the spread of its place's live readings of its quantity; two at least."""
    place = look.table.place_quantity[look.rows]
    live = ~np.isnan(look.value) & (place >= 0)
    size = int(place.max(initial=0)) + 1
    high, low = np.full(size, -np.inf), np.full(size, np.inf)
    np.maximum.at(high, place[live], look.value[live])
    np.minimum.at(low, place[live], look.value[live])
    several = np.bincount(place[live], minlength=size) >= 2
    spread = np.where(several, high, np.nan) - np.where(several, low, np.nan)
    return above(np.where(live, spread[place], np.nan), condition.above, condition.clear)
