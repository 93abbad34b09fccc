"""The days, and the span of time, that a question about completeness covers."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from siloscope_dashboards.errors import Fault, Malformed
from siloscope_dashboards.series.window import EARLIEST, LATEST, instant
from siloscope_process.clock import Clock

DEFAULT_DAYS = 30
MOST_DAYS = 400


@dataclass(frozen=True)
class Days:
    """Local dates, both included."""

    first: date
    last: date


@dataclass(frozen=True)
class Span:
    """From `begins` up to, not including, `ends`."""

    begins: datetime
    ends: datetime


def days(first: str | None, last: str | None, clock: Clock) -> Days:
    """Return the days that a request asks for; unless told, thirty up to today, wherever today begins first.

    Raises:
        Malformed: A date cannot be read, or there are none or too many.
    """
    # It is tomorrow already in the east: a day that has not begun at the site is simply empty.
    until = (clock.now() + timedelta(hours=14)).date() if last is None else _day(last, "query.to")
    since = until - timedelta(days=DEFAULT_DAYS) if first is None else _day(first, "query.from")
    if not since <= until < since + timedelta(days=MOST_DAYS):
        raise _malformed("query.from", f"at most {MOST_DAYS} days up to {until}, found {since}")
    return Days(since, until)


def span(begins: str | None, ends: str | None, clock: Clock) -> Span:
    """Return the span that a request asks for; unless told, the thirty days that end now.

    Raises:
        Malformed: A time cannot be read, or the span is empty or too long.
    """
    until = clock.now() if ends is None else instant(ends, "query.to")
    since = max(until - timedelta(days=DEFAULT_DAYS), EARLIEST) if begins is None else instant(begins, "query.from")
    if not since < until <= since + timedelta(days=MOST_DAYS):
        expected = f"a time before to ({until.isoformat()}) and at most {MOST_DAYS} days, found {since.isoformat()}"
        raise _malformed("query.from", expected)
    return Span(since, until)


def _day(text: str, place: str) -> date:
    try:
        day = date.fromisoformat(text)
        if not EARLIEST.date() <= day <= LATEST.date():
            raise ValueError(text)
    except ValueError as error:
        raise _malformed(place, f"a date such as 2026-01-31, within 1970 to 2200, found {text!r}") from error
    return day


def _malformed(place: str, expected: str) -> Malformed:
    return Malformed(f"{place}: expected {expected}", faults=[Fault(place, expected)])
