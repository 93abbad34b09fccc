"""The chart of a message: the newest hours of the channel that it is about."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from siloscope_alerting.notify.units import System, converted, shown_as
from siloscope_alerting.pictures.chart import PictureOrder
from siloscope_alerting.ports import AlertFacts, IncidentFacts
from siloscope_process.clock import to_ms
from siloscope_store.connections import Pool, borrowed
from siloscope_store.series import channel_series

log = structlog.get_logger(__name__)
Draw = Callable[[PictureOrder], bytes]
PATIENCE_S = 3.0
POINTS = 240
_BEFORE = timedelta(hours=6)
_LONGEST = timedelta(days=7)
_DRAWN = (None, "threshold", "forecast")
"""Kinds of conditions whose level lies among the readings."""


async def illustrate(
    pool: Pool, draw: Draw, incident: IncidentFacts, at: datetime, system: System, zone: str
) -> bytes | None:
    """Return the chart of an incident's first alert that is about one channel; None where there is nothing to draw.

    A chart that cannot be had in three seconds is left out: the words must not wait for it.
    """
    alert = next((each for each in incident.alerts if _channel_of(each) is not None), None)
    if alert is None:
        return None
    try:
        async with asyncio.timeout(PATIENCE_S):
            order = await _order(pool, incident.org_id, alert, at, system, zone)
            return None if order is None else await asyncio.to_thread(draw, order)
    except Exception as error:
        log.warning("picture_left_out", alert_id=alert.alert_id, problem=f"{type(error).__name__}: {error}")
        return None


def _channel_of(alert: AlertFacts) -> int | None:
    """Return the channel that an alert is about, or of several the one that matters most."""
    worst = alert.facts.get("channel_id")
    return alert.channel_id if alert.channel_id is not None else worst if isinstance(worst, int) else None


async def _order(
    pool: Pool, org_id: int, alert: AlertFacts, at: datetime, system: System, zone: str
) -> PictureOrder | None:
    channel_id = _channel_of(alert)
    assert channel_id is not None
    ends = max(at, alert.ended_at or at)
    begins = max((alert.fired_at or alert.began_at) - _BEFORE, ends - _LONGEST)
    async with borrowed(pool) as connection:
        found = await channel_series(connection, org_id, channel_id, begins, ends, POINTS)
    if found is None or not found.points:
        return None
    points = [
        (to_ms(each.time), converted(each.mean, found.unit, system)) for each in found.points if each.mean is not None
    ]
    bands = [(to_ms(alert.fired_at), to_ms(alert.ended_at or ends))] if alert.fired_at else []
    return PictureOrder(
        title=alert.subject,
        unit=shown_as(found.unit, system).sign,
        time_zone=zone,
        points=points,
        level=_level(alert.facts, "level", found.unit, system),
        clear=_level(alert.facts, "clear", found.unit, system),
        bands=bands,
    )


def _level(facts: Mapping[str, Any], name: str, unit: str, system: System) -> float | tuple[float, float] | None:
    """Return a level that can be drawn among the readings: one of the same unit, and no difference."""
    found = facts.get(name)
    if facts.get("unit") != unit or facts.get("kind") not in _DRAWN:
        return None
    if isinstance(found, list | tuple) and len(found) == 2:
        return converted(float(found[0]), unit, system), converted(float(found[1]), unit, system)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return converted(float(found), unit, system)
