"""Spans of quiet: a silence or a maintenance window, once or again at the same local hours. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from siloscope_contract.alerts.selectors import Matcher

_EVERY_DAYS = {"daily": 1, "weekly": 7}


@dataclass(frozen=True)
class Silence:
    """One span of quiet, as its author ordered it; one that was ended is none."""

    org_id: int
    matcher: Matcher
    begins: datetime
    ends: datetime
    repeats: Literal["never", "daily", "weekly"] = "never"


def covers(silence: Silence, at: datetime, time_zone: str) -> bool:
    """Whether an instant lies within a silence, in the site's time zone: its local hours stay where clocks change."""
    if silence.repeats == "never" or at < silence.begins:
        return silence.begins <= at < silence.ends
    zone = ZoneInfo(time_zone)
    first, last = (each.astimezone(zone).replace(tzinfo=None) for each in (silence.begins, silence.ends))
    every = timedelta(days=_EVERY_DAYS[silence.repeats])
    count = (at.astimezone(zone).replace(tzinfo=None) - first) // every
    return any(
        _instant(first + every * number, zone) <= at < _instant(last + every * number, zone)
        for number in range(max(count - 1, 0), count + 2)
    )


def _instant(local: datetime, zone: ZoneInfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC)
