"""Lengths of a chart's points that people read off an axis without thinking."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
STRIDES_S = (
    *(1, 2, 5, 10, 15, 30),
    *(step * _MINUTE for step in (1, 2, 5, 10, 15, 30)),
    *(step * _HOUR for step in (1, 2, 3, 6, 12)),
    *(step * _DAY for step in (1, 2, 7, 14, 28)),
)


def stride_of(begins: datetime, ends: datetime, points: int) -> tuple[timedelta, datetime]:
    """Return the length of a bucket and where buckets are counted from, so that at most `points` meet the window.

    >>> stride_of(EPOCH, EPOCH + timedelta(days=1), 500)[0]
    datetime.timedelta(seconds=300)
    """
    last = ends - timedelta(microseconds=1)
    for seconds in STRIDES_S:
        stride = timedelta(seconds=seconds)
        if (last - EPOCH) // stride - (begins - EPOCH) // stride + 1 <= points:
            return stride, EPOCH
    # A window so long, or so few points, that no round length fits: count from its beginning.
    return -((begins - ends) // points), begins
