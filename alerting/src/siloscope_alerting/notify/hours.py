"""Hours of a week in a site's time zone: whether an instant lies within, and when they are over. Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from siloscope_contract.alerts.rules import Hours

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST_DAYS = 8
"""Hours that cover a whole week never end; whoever waits for their end looks again after this."""


def within(hours: Sequence[Hours], at: datetime, time_zone: str) -> bool:
    """Whether an instant lies within any of these hours; of none it never does."""
    return end_of(hours, at, time_zone) is not None


def end_of(hours: Sequence[Hours], at: datetime, time_zone: str) -> datetime | None:
    """Return when the hours that an instant lies within are over; None where it lies within none.

    Hours that touch or overlap count as one span.

    >>> night = Hours(since="22:00", until="06:00")
    >>> end_of([night], datetime(2026, 1, 1, 23, tzinfo=UTC), "Etc/UTC")
    datetime.datetime(2026, 1, 2, 6, 0, tzinfo=datetime.timezone.utc)
    """
    zone = ZoneInfo(time_zone)
    latest = at + timedelta(days=_LONGEST_DAYS)
    end = at
    while end < latest:
        further = max((ends for begins, ends in _spans(hours, end, zone) if begins <= end < ends), default=end)
        if further == end:
            break
        end = further
    return end if end > at else None


def _spans(hours: Sequence[Hours], at: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans that begin on the local day of an instant or on the day before."""
    today = at.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        for each in hours:
            if _DAYS[day.weekday()] in each.days:
                ends = day if each.until > each.since else day + timedelta(days=1)
                yield _instant(day, each.since, zone), _instant(ends, each.until, zone)


def _instant(day: date, local: str, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.fromisoformat(local), zone).astimezone(UTC)
