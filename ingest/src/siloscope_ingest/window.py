"""Which sample times are believed."""

from dataclasses import dataclass

_DAY_MS = 86_400_000


@dataclass(frozen=True)
class TimeWindow:
    """Times from `past_ms` before a message's arrival to `future_ms` after it."""

    past_ms: int
    future_ms: int

    @classmethod
    def of_days(cls, past_days: float, future_days: float) -> "TimeWindow":
        """Return the window of so many days."""
        return cls(round(past_days * _DAY_MS), round(future_days * _DAY_MS))

    def around(self, received_ms: int) -> tuple[int, int]:
        """Return the first and the last time that is believed in a message that arrived at `received_ms`."""
        return received_ms - self.past_ms, received_ms + self.future_ms

    def holds(self, time_ms: int, received_ms: int) -> bool:
        """Say whether a time is believed in a message that arrived at `received_ms`."""
        return received_ms - self.past_ms <= time_ms <= received_ms + self.future_ms
