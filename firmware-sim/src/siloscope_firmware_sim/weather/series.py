"""One observed quantity as a periodic function of time: linear between hours, blind inside long gaps."""

from bisect import bisect_right
from collections.abc import Sequence

from siloscope_firmware_sim.weather.observations import HOUR_S

SHORT_GAP_S = 2 * HOUR_S


class Series:
    """Values at known times of a round that repeats.

    Args:
        points: (offset in seconds, value), ascending, at least one; missing values are simply not there.
        period_s: Length of the round.
    """

    def __init__(self, points: Sequence[tuple[int, float]], period_s: int) -> None:
        self._period_s = period_s
        last, first = points[-1], points[0]
        around = [(last[0] - period_s, last[1]), *points, (first[0] + period_s, first[1])]
        self._offsets = [offset for offset, _ in around]
        self._values = [value for _, value in around]

    def known(self, offset_s: float) -> float | None:
        """Return the value, or None between two observations that are more than two hours apart."""
        at, share = self._bracket(offset_s)
        if self._offsets[at + 1] - self._offsets[at] > SHORT_GAP_S and share > 0:
            return None
        return self._between(at, share)

    def assumed(self, offset_s: float) -> float:
        """Return the value, bridging gaps of any length: the world goes on where the station was blind."""
        return self._between(*self._bracket(offset_s))

    def before(self, offset_s: float) -> float:
        """Return the last observed value at or before this offset."""
        return self._values[self._bracket(offset_s)[0]]

    def _bracket(self, offset_s: float) -> tuple[int, float]:
        offset_s %= self._period_s
        at = bisect_right(self._offsets, offset_s) - 1
        share = (offset_s - self._offsets[at]) / (self._offsets[at + 1] - self._offsets[at])
        return at, share

    def _between(self, at: int, share: float) -> float:
        return self._values[at] + share * (self._values[at + 1] - self._values[at])
