"""Hours of a week, in the time zone of a site."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import get_args
from zoneinfo import ZoneInfo

from siloscope_contract.alerts.rules import Day, Hours

_DAYS: tuple[str, ...] = get_args(Day)


def is_open(schedule: Sequence[Hours], time_zone: str, at_ms: int) -> bool:
    """Return whether an instant lies within one of these hours; without any, always.

    Hours whose end is not after their begin go past midnight and belong to the day on which they began. On the days
    when clocks change they are those of the clock on the wall.
    """
    if not schedule:
        return True
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(_zone(time_zone))
    today, yesterday = _DAYS[local.weekday()], _DAYS[(local - timedelta(days=1)).weekday()]
    now = local.strftime("%H:%M")
    for hours in schedule:
        past_midnight = hours.until <= hours.since
        if today in hours.days and hours.since <= now and (past_midnight or now < hours.until):
            return True
        if past_midnight and yesterday in hours.days and now < hours.until:
            return True
    return False


@lru_cache(256)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
