"""When a device is read and when it is left alone: a fixed period without drift, back-off for the silent. No I/O."""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

FAILURES_BEFORE_REST = 3
REST_AT_MOST_S = 60.0
PROBING_SHARE = 10
"""A silent device costs the bus its time-out; it is left alone at least this many times as long."""


class Turn(StrEnum):
    """What to do with a device when its time has come."""

    READ = "read"
    PROBE = "probe"  # it was silent and rested: try again
    RESTING = "resting"  # it was silent lately: its readings are bad without asking


class Attendance(Struct):
    """A device's schedule, on the monotonic clock.

    Attributes:
        period_s: Time between two turns.
        due_s: The next turn.
        timeout_s: What an unanswered request costs the bus.
        failures: Turns in a row that brought no answer.
        rested_until_s: Until when a silent device is left alone.
        heard: Whether it ever answered.
    """

    period_s: float
    due_s: float
    timeout_s: float = 1.0
    failures: int = 0
    rested_until_s: float = 0.0
    heard: bool = False

    @property
    def silent(self) -> bool:
        """Whether the device counts as not answering."""
        return self.failures >= FAILURES_BEFORE_REST

    def suspect(self, now_s: float) -> bool:
        """Whether asking it now is likely to cost the bus a time-out; one that waited long is asked all the same."""
        resting = self.silent and now_s < self.rested_until_s
        doubtful = self.failures > 0 or not self.heard
        return doubtful and not resting and now_s - self.due_s < REST_AT_MOST_S

    def take(self, now_s: float) -> tuple[Turn, int]:
        """Begin the turn that is due and set the next one, on the same grid.

        Returns:
            What to do, and how many further turns have passed unused: they are skipped, never caught up in a burst.
        """
        missed = max(0, int((now_s - self.due_s) // self.period_s))
        self.due_s += (missed + 1) * self.period_s
        if not self.silent:
            return Turn.READ, missed
        return (Turn.PROBE if now_s >= self.rested_until_s else Turn.RESTING), missed

    def answered(self) -> None:
        """Note that the device said something."""
        self.failures = 0
        self.heard = True

    def unanswered(self, now_s: float, silent_devices: int = 1) -> None:
        """Note silence; from the third on the device rests, longer each time, never for good.

        Args:
            now_s: When.
            silent_devices: How many devices of the bus are silent: together they cost it a tenth of its time at most.
        """
        self.failures += 1
        if self.silent:
            doubled = self.period_s * float(2 ** min(self.failures - FAILURES_BEFORE_REST, 10))
            share = self.timeout_s * PROBING_SHARE * silent_devices
            self.rested_until_s = now_s + max(min(doubled, REST_AT_MOST_S), share)


def whose_turn(attendances: Sequence[Attendance], now_s: float) -> int:
    """Return the position of the device that is served next.

    Of those that are due, the ones that answer come before the suspects, so that between two time-outs everybody else
    is served; where none is due, the earliest.
    """
    due = [at for at, each in enumerate(attendances) if each.due_s <= now_s]
    if not due:
        return min(range(len(attendances)), key=lambda at: attendances[at].due_s)
    return min(due, key=lambda at: (attendances[at].suspect(now_s), attendances[at].due_s))
