"""Firings against labelled spans: which were found, and what was a false alarm."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from siloscope_alerting.backtest.report import Firing

Window = tuple[str, str]


class Verdict(msgspec.Struct, frozen=True):
    """How well firings meet labels.

    Attributes:
        found: The labelled spans in which something began to fire.
        missed: Those in which nothing did, not even from before.
        false_alarms: Firings that touch no labelled span.
    """

    found: list[Window]
    missed: list[Window]
    false_alarms: list[Firing]


def judged(firings: Sequence[Firing], windows: Sequence[Window]) -> Verdict:
    """Return which windows are found: something fired first within one. A firing from before it finds nothing."""
    spans = [(_at(begins), _at(ends), (begins, ends)) for begins, ends in windows]
    found = [window for begins, ends, window in spans if any(begins <= _at(firing.fired) <= ends for firing in firings)]
    alarms = [firing for firing in firings if not any(begins <= _at(firing.fired) <= ends for begins, ends, _ in spans)]
    return Verdict(found, [window for *_, window in spans if window not in found], alarms)


def _at(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
