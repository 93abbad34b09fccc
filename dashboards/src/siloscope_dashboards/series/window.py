"""The span of time that a series covers, as a request states it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query

from siloscope_dashboards.errors import Fault, Malformed
from siloscope_process.clock import Clock, from_ms

MOST_POINTS = 5_000
DEFAULT_POINTS = 500
DEFAULT_SPAN = timedelta(days=1)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

Instant = Annotated[str | None, Query(max_length=40, description="ISO 8601 with an offset, or epoch milliseconds")]


@dataclass(frozen=True)
class Window:
    """From `begins` up to, not including, `ends`, in at most `points` points."""

    begins: datetime
    ends: datetime
    points: int


def window(begins: str | None, ends: str | None, points: int, clock: Clock) -> Window:
    """Return the window that a request asks for; unless told, the 24 hours that end now.

    Raises:
        Malformed: A time cannot be read, or the window is empty.
    """
    until = clock.now() if ends is None else instant(ends, "query.to")
    since = max(until - DEFAULT_SPAN, EARLIEST) if begins is None else instant(begins, "query.from")
    if since >= until:
        raise _malformed("query.from", f"a time before to ({until.isoformat()}), found {since.isoformat()}")
    return Window(since, until, points)


def instant(text: str, place: str) -> datetime:
    """Return an aware UTC time from ISO 8601 or epoch milliseconds.

    Raises:
        Malformed: It is neither, has no offset, or lies outside 1970 to 2200.
    """
    try:
        at = from_ms(int(text)) if text.lstrip("-").isdecimal() else datetime.fromisoformat(text)
        if at.tzinfo is None or not EARLIEST <= at <= LATEST:
            raise ValueError(text)
    except (ValueError, OverflowError) as error:
        expected = "ISO 8601 with an offset, such as 2026-01-31T06:00:00Z, or epoch milliseconds, within 1970 to 2200"
        raise _malformed(place, f"{expected}, found {text!r}") from error
    return at.astimezone(UTC)


def _malformed(place: str, expected: str) -> Malformed:
    return Malformed(f"{place}: expected {expected}", faults=[Fault(place, expected)])
