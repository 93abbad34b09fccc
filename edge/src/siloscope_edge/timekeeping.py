"""Keeping time: what the clock guard sees is reported, and what waited for a date gets it soon after."""

import structlog

from siloscope_contract.births import ClockState
from siloscope_edge.clock_guard import ClockGuard, Happening
from siloscope_edge.keeper import Keeper
from siloscope_edge.metrics import Metrics
from siloscope_process.clock import Clock
from siloscope_process.operations import Health

_log = structlog.get_logger(__name__)
_LOOK_EVERY_S = 1.0
_CALM = (Happening.SYNCHRONISED,)


async def keep_time(guard: ClockGuard, keeper: Keeper, clock: Clock, metrics: Metrics, health: Health) -> None:
    """Look at the clock once a second until cancelled.

    Raises:
        SpoolUnusable: The spool's file is damaged.
    """
    while True:
        await keeper.date()
        _report(guard, keeper, metrics, health)
        await clock.sleep(_LOOK_EVERY_S)


def _report(guard: ClockGuard, keeper: Keeper, metrics: Metrics, health: Health) -> None:
    for event in guard.events():
        metrics.clock_events.labels(event.what.value).inc()
        say = _log.info if event.what in _CALM else _log.warning
        say(event.what.value, step_s=round(event.step_s, 3), drift_ppm=round(event.drift_ppm, 1))
    metrics.undated_packs.set(keeper.undated)
    base = guard.base
    metrics.clock_synchronised.set(guard.state is ClockState.SYNCHRONISED)
    metrics.clock_drift_ppm.set(guard.drift_ppm)
    waits = "readings wait for their dates" if not base.final else "readings are dated provisionally"
    health.set("clock", base.stamp.known, "" if base.stamp.known else f"not synchronised: {waits}")
