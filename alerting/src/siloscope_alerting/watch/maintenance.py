"""Maintenance windows as the engine takes them: single spans of absolute time. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from siloscope_alerting.columns import Maintenance
from siloscope_contract.alerts.selectors import Matcher
from siloscope_process.clock import to_ms
from siloscope_store.alert_feed import MaintenanceWindow

LOOKS_BACK = timedelta(days=7)
_LOOKS_AHEAD = timedelta(days=1)
_EVERY = {"daily": timedelta(days=1), "weekly": timedelta(days=7)}


def spans(
    windows: Sequence[MaintenanceWindow], zones: Mapping[int, Mapping[str, Sequence[str]]], now: datetime
) -> list[Maintenance]:
    """Return the spans of windows around now.

    Args:
        windows: As people set them.
        zones: Of each organisation its time zones, each with the slugs of its sites: a window that repeats does so at
            the same local hours.
        now: The server's clock.
    """
    found = []
    for window in windows:
        try:
            matcher = msgspec.convert(window.selector, Matcher)
        except msgspec.ValidationError:
            continue  # of a newer version; ours holds nothing back by it
        for zone, sites in zones.get(window.org_id, {}).items():
            narrowed = _narrowed(matcher, sites, several=len(zones[window.org_id]) > 1)
            found += [
                Maintenance(window.org_id, narrowed, to_ms(begins), to_ms(ends))
                for begins, planned in _occurrences(window, zone, now)
                if begins < (ends := min(planned, window.ended_at or planned))
            ]
    return found


def _occurrences(window: MaintenanceWindow, zone: str, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans of a window that touch the days around now."""
    every = _EVERY.get(window.repeats)
    if every is None:
        yield window.begins, window.ends
        return
    local = window.begins.astimezone(ZoneInfo(zone))
    length = window.ends - window.begins
    skipped = max(0, (now - LOOKS_BACK - length - window.begins) // every)
    at = local + skipped * every  # wall time: the hour stays through a change of the clocks
    while at <= now + _LOOKS_AHEAD:
        yield at, at + length
        at += every


def _narrowed(matcher: Matcher, sites: Sequence[str], *, several: bool) -> Matcher:
    """Return a matcher that means these sites alone, where the organisation has sites in other time zones."""
    if not several or matcher.select.sites:
        return matcher
    return msgspec.structs.replace(matcher, select=msgspec.structs.replace(matcher.select, sites=tuple(sites)))
