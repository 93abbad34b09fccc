"""When people open a door: more often in the morning, never at night, every day another pattern from the seed."""

from bisect import bisect_right
from functools import lru_cache
from random import Random

from siloscope_firmware_sim.weather.observations import DAY_S, HOUR_S

_FIRST_H = 5.0
_LAST_H = 20.0
_BUSIEST_H = 8.0


class DoorBook:
    """The openings of one door.

    Args:
        seed: The world's seed.
        name: The room, so that two rooms differ.
        offset_s: Local time minus UTC, for the working day; no daylight saving.
        openings_a_day: How many there are on an average day.
    """

    def __init__(self, seed: int, name: str, *, offset_s: int, openings_a_day: int = 24) -> None:
        self._seed = seed
        self._name = name
        self._offset_s = offset_s
        self._openings_a_day = openings_a_day
        self._spans_of = lru_cache(maxsize=4)(self._drawn)

    def open_at(self, time_s: float) -> bool:
        """Say whether the door stands open at a time in epoch seconds."""
        day, second = divmod(time_s + self._offset_s, DAY_S)
        begins, ends = self._spans_of(int(day))
        at = bisect_right(begins, second) - 1
        return at >= 0 and second < ends[at]

    def _drawn(self, day: int) -> tuple[list[float], list[float]]:
        draw = Random(f"{self._seed}/{self._name}/{day}")
        count = round(draw.uniform(0.7, 1.3) * self._openings_a_day)
        begins = sorted(draw.triangular(_FIRST_H, _LAST_H, _BUSIEST_H) * HOUR_S for _ in range(count))
        return begins, [begin + draw.triangular(15, 300, 40) for begin in begins]
