"""Where the marks of a chart's two axes stand, and what they say. Pure."""

from datetime import UTC, datetime, timedelta
from math import ceil, floor, isclose, log10
from zoneinfo import ZoneInfo

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_STEPS_S = (
    *(step * _MINUTE_S for step in (1, 2, 5, 10, 15, 30)),
    *(step * _HOUR_S for step in (1, 2, 3, 6, 12)),
    *(step * _DAY_S for step in (1, 2, 7, 14, 28, 56, 112, 364)),
)
_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
_MONDAY = datetime(2001, 1, 1)  # noqa: DTZ001 - local time of whichever zone is drawn


def value_marks(low: float, high: float, *, most: int = 4) -> list[tuple[float, str]]:
    """Return round values within [low, high], and their texts.

    >>> value_marks(0.0, 9.0)
    [(0.0, '0'), (2.5, '2.5'), (5.0, '5.0'), (7.5, '7.5')]
    """
    rough = (high - low) / most
    scale = 10.0 ** floor(log10(rough))
    step = next(scale * nice for nice in _NICE if scale * nice >= rough * 0.999)
    decimals = next(n for n in range(16) if n == 15 or isclose(step, round(step, n), rel_tol=1e-9))
    values = [step * index for index in range(ceil(low / step), floor(high / step) + 1)]
    return [(value, "0" if value == 0 else f"{value:.{decimals}f}") for value in values]


def time_marks(from_ms: int, to_ms: int, zone: ZoneInfo, *, most: int = 6) -> list[tuple[int, str]]:
    """Return round local times within [from, to], in UTC milliseconds, and their texts.

    Times of a day read 06:00, days read 12-15. Days and hours are local ones, also where the clocks are changed.
    """
    span_s = (to_ms - from_ms) / 1000
    step_s = next((step for step in _STEPS_S if span_s / step <= most), _STEPS_S[-1])
    first = datetime.fromtimestamp(from_ms / 1000, UTC).astimezone(zone).replace(tzinfo=None)
    ticks = floor((first - _MONDAY).total_seconds() / step_s)
    marks: dict[int, str] = {}
    for tick in range(ticks, ticks + 2 * most + 4):
        local = _MONDAY + timedelta(seconds=tick * step_s)
        at_ms = round(local.replace(tzinfo=zone).timestamp() * 1000)
        if from_ms <= at_ms <= to_ms:
            marks[at_ms] = f"{local:%m-%d}" if (local.hour, local.minute) == (0, 0) else f"{local:%H:%M}"
    return sorted(marks.items())
