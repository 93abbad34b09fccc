"""All kinds of conditions that judge channels, one by one: what the tree of a rule ends in."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from siloscope_alerting.engine.conditions import (
    bad_share,
    deviation,
    forecast,
    no_data,
    platform,
    rate,
    spread,
    stuck,
    threshold,
    unusual,
)
from siloscope_alerting.engine.conditions.look import Judged, Look
from siloscope_contract.alerts import conditions
from siloscope_contract.alerts.conditions import Leaf
from siloscope_contract.alerts.conditions import Platform as PlatformCondition
from siloscope_contract.alerts.spans import seconds

JUDGES: Mapping[type[Leaf | PlatformCondition], Callable[[Any, Look], Judged]] = MappingProxyType(
    {
        conditions.Threshold: threshold.judge,
        conditions.Rate: rate.judge,
        conditions.Spread: spread.judge,
        conditions.Deviation: deviation.judge,
        conditions.NoData: no_data.judge,
        conditions.Stuck: stuck.judge,
        conditions.BadShare: bad_share.judge,
        conditions.Forecast: forecast.judge,
        conditions.Unusual: unusual.judge,
        conditions.Platform: platform.judge,
    }
)
TIMED = (conditions.NoData, conditions.Platform, conditions.Count)
"""What time alone can change: judged in every round, at server time less ingest lag."""
COMPARING = (conditions.Spread, conditions.Deviation)
"""What depends on other channels of the same place."""


def window_ms(condition: Leaf | PlatformCondition) -> int:
    """Return how far back a condition looks; 0 for the newest reading alone."""
    span = {
        conditions.Rate: "within",
        conditions.Stuck: "within",
        conditions.BadShare: "within",
        conditions.Forecast: "trend_over",
        conditions.Unusual: "over",
    }.get(type(condition))
    return 0 if span is None else seconds(getattr(condition, span)) * 1000
