"""The replay: observations moved by whole days so that they happen now, and again when they are over.

What the station knew (`observed`) is kept apart from what the weather must have been (`ambient`): an instrument is
blind inside a long gap, a bin is not.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from siloscope_firmware_sim.weather.observations import DAY_S, HOUR_S, Observation
from siloscope_firmware_sim.weather.series import Series

_USUAL_GUST_FACTOR = 1.35  # mean ratio of gust to wind at open sites, WMO-No. 8 (2018), part I, chapter 5
_LULL_FACTOR = 0.6
_WIDEST_SWING_DEG = 25.0


@dataclass(frozen=True)
class Ambient:
    """The weather that bins and rooms stand in; never missing."""

    temperature_c: float
    humidity_pct: float
    speed_m_s: float


@dataclass(frozen=True)
class Observed:
    """The weather as far as the station knew it; None where it was blind.

    `direction_deg` and `speed_m_s` are least, mean and greatest; `rain_mm` and `rain_s` count from the round's begin.
    """

    temperature_c: float | None
    humidity_pct: float | None
    pressure_hpa: float | None
    direction_deg: tuple[float, float, float] | None
    speed_m_s: tuple[float, float, float] | None
    rain_mm: float
    rain_s: float
    rain_rate_mm_h: float | None


class Replay:
    """Observations as a function of any time.

    Args:
        observations: Oldest first; a round is as many whole days as they touch.
        epoch_s: When a round began; a round's first midnight falls on the midnight at or before it.
    """

    def __init__(self, observations: Sequence[Observation], epoch_s: int) -> None:
        self._first_s = observations[0].time_s // DAY_S * DAY_S
        self.period_s = (observations[-1].time_s // DAY_S + 1) * DAY_S - self._first_s
        self._epoch_s = epoch_s // DAY_S * DAY_S
        self._by_hour = {each.time_s - self._first_s: each for each in observations}
        series = self._series
        self._temperature = series(lambda each: each.temperature_c)
        self._humidity = series(lambda each: each.humidity_pct)
        self._pressure = series(lambda each: each.pressure_hpa)
        self._speed = series(lambda each: each.speed_m_s)
        self._gust = series(lambda each: each.gust_m_s or _usual_gust(each))
        self._east = series(lambda each: _component(each, math.sin))
        self._north = series(lambda each: _component(each, math.cos))
        self._last_direction = series(lambda each: each.direction_deg if each.speed_m_s else None)
        rain = [(each.time_s - self._first_s, each.rain_mm) for each in observations]
        self._rain_before = dict(zip((at for at, _ in rain), accumulate(mm for _, mm in rain), strict=True))
        self._wet_before = dict(zip((at for at, _ in rain), accumulate(int(mm > 0) for _, mm in rain), strict=True))

    def source_time_s(self, time_s: float) -> float:
        """Return when, in the source, the weather of this time was observed."""
        return self._first_s + self._offset(time_s)

    def ambient(self, time_s: float) -> Ambient:
        """Return the weather that the world stands in."""
        offset = self._offset(time_s)
        return Ambient(self._temperature.assumed(offset), self._humidity.assumed(offset), self._speed.assumed(offset))

    def observed(self, time_s: float) -> Observed:
        """Return what the station knew."""
        offset = self._offset(time_s)
        speed = self._speed.known(offset)
        rain_mm, rain_s, rate = self._rain(offset)
        return Observed(
            temperature_c=self._temperature.known(offset),
            humidity_pct=self._humidity.known(offset),
            pressure_hpa=self._pressure.known(offset),
            direction_deg=self._direction(offset, speed),
            speed_m_s=None if speed is None else (speed * _LULL_FACTOR, speed, max(self._gust.assumed(offset), speed)),
            rain_mm=rain_mm,
            rain_s=rain_s,
            rain_rate_mm_h=rate,
        )

    def _offset(self, time_s: float) -> float:
        return (time_s - self._epoch_s) % self.period_s

    def _series(self, value: Callable[[Observation], float | None]) -> Series:
        points = [(at, got) for at, each in self._by_hour.items() if (got := value(each)) is not None]
        return Series(points, self.period_s)

    def _direction(self, offset: float, speed: float | None) -> tuple[float, float, float] | None:
        """Interpolate as a vector, so that 350° and 10° meet in the north; in a calm the vane stays where it was."""
        east, north = self._east.known(offset), self._north.known(offset)
        if speed is None or east is None or north is None:
            return None
        strength = math.hypot(east, north)
        calm = strength < 0.05
        mean = self._last_direction.before(offset) if calm else math.degrees(math.atan2(east, north))
        swing = 0.0 if calm else _WIDEST_SWING_DEG / (1 + strength / 4)
        return (mean - swing) % 360, mean % 360, (mean + swing) % 360

    def _rain(self, offset: float) -> tuple[float, float, float | None]:
        """Spread the rain of an hour evenly over the hour that the observation ends."""
        begin = int(offset // HOUR_S) * HOUR_S
        end = begin + HOUR_S
        before = max((at for at in range(begin, begin - 12 * HOUR_S, -HOUR_S) if at in self._by_hour), default=None)
        total = 0.0 if before is None else self._rain_before[before]
        hours = 0 if before is None else self._wet_before[before]
        coming = self._by_hour.get(end % self.period_s)
        if coming is None or end == self.period_s:
            return total, hours * HOUR_S, None if coming is None else 0.0
        share = (offset - begin) / HOUR_S
        wet_s = share * HOUR_S if coming.rain_mm > 0 else 0.0
        return total + share * coming.rain_mm, hours * HOUR_S + wet_s, coming.rain_mm


def _usual_gust(each: Observation) -> float | None:
    return None if each.speed_m_s is None else each.speed_m_s * _USUAL_GUST_FACTOR


def _component(each: Observation, part: Callable[[float], float]) -> float | None:
    """Return the wind's component; calm is no wind from anywhere, a missing direction is missing."""
    if each.speed_m_s == 0:
        return 0.0
    if each.direction_deg is None or each.speed_m_s is None:
        return None
    return each.speed_m_s * part(math.radians(each.direction_deg))
