"""Firings against labelled spans: which were found, and what was a false alarm."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from siloscope_alerting.backtest.report import Firing

Window = tuple[str, str]


class Verdict(msgspec.Struct, frozen=True):
    """How well firings meet labels.

    Attributes:
        found: The labelled spans in which something began to fire; what fired before and goes on finds nothing.
        missed: The others.
        false_alarms: Firings that began in no labelled span.
        about_data: How many firings are about missing, bad or stuck readings: neither a find nor a false alarm.
    """

    found: list[Window]
    missed: list[Window]
    false_alarms: list[Firing]
    about_data: int = 0


def judged(firings: Sequence[Firing], windows: Sequence[Window]) -> Verdict:
    """Return how well firings meet labelled spans; times without an offset are UTC."""
    about_measured = [(_at(firing.fired), firing) for firing in firings if not firing.about_data]
    found = [window for window in windows if any(_within(at, window) for at, _ in about_measured)]
    missed = [window for window in windows if window not in found]
    alarms = [firing for at, firing in about_measured if not any(_within(at, window) for window in windows)]
    return Verdict(found, missed, alarms, len(firings) - len(about_measured))


def _within(at: datetime, window: Window) -> bool:
    return _at(window[0]) <= at <= _at(window[1])


def _at(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
