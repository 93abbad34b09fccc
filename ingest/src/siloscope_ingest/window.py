"""Which sample times are believed."""

from dataclasses import dataclass

_DAY_MS = 86_400_000


@dataclass(frozen=True)
class TimeWindow:
    """Times from `past_ms` before a message's arrival to `future_ms` after it.

    Attributes:
        past_ms: Older ones are kept apart.
        future_ms: Those further ahead are kept apart.
        near_past_ms: Older ones may open a new week only where `FarWeeks` allows it.
        tolerance_ms: Those further ahead are stored, but no clock that is right says such a thing: never the latest.
    """

    past_ms: int
    future_ms: int
    near_past_ms: int = 60 * _DAY_MS
    tolerance_ms: int = 60_000

    @classmethod
    def of_days(
        cls, past_days: float, future_days: float, near_past_days: float = 60, tolerance_s: float = 60
    ) -> "TimeWindow":
        """Return the window of so many days."""
        past_ms, future_ms = round(past_days * _DAY_MS), round(future_days * _DAY_MS)
        near_past_ms, tolerance_ms = round(near_past_days * _DAY_MS), round(tolerance_s * 1000)
        return cls(past_ms, future_ms, min(near_past_ms, past_ms), min(tolerance_ms, future_ms))

    def natural(self, received_ms: int) -> tuple[int, int]:
        """Return the first and the last time that nobody need look at twice."""
        return received_ms - self.near_past_ms, received_ms + self.tolerance_ms

    def holds(self, time_ms: int, received_ms: int) -> bool:
        """Say whether a time is believed in a message that arrived at `received_ms`."""
        return received_ms - self.past_ms <= time_ms <= received_ms + self.future_ms
