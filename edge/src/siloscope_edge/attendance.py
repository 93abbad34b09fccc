"""When a device is read and when it is left alone: a fixed period without drift, back-off for the silent. No I/O."""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

FAILURES_BEFORE_REST = 3
REST_AT_MOST_S = 60.0
PROBING_SHARE = 10
"""A silent device costs the bus its time-out; it is left alone at least this many times as long."""
_QUIET_S = 0.1
"""Silence that a serial line keeps after a time-out."""
_LATE = 0.05
"""A device that is first reached later than this share of its period keeps the phase that it was reached in."""


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
        probe_by_s: When a silent device is tried again whoever has to wait for it.
        heard: Whether it ever answered.
    """

    period_s: float
    due_s: float
    timeout_s: float = 1.0
    failures: int = 0
    rested_until_s: float = 0.0
    probe_by_s: float = 0.0
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

    @property
    def costs_s(self) -> float:
        """What asking it in vain costs the bus."""
        return self.timeout_s + _QUIET_S

    def answered(self, asked_s: float | None = None) -> None:
        """Note that the device said something.

        Args:
            asked_s: When it was asked. One that is heard for the first time, while others still waste the bus's time,
                is read a whole period later: its grid begins with its first reading.
        """
        if not self.heard and asked_s is not None:
            late_s = asked_s - (self.due_s - self.period_s)
            if late_s > _LATE * self.period_s:
                self.due_s = asked_s + self.period_s
        self.failures = 0
        self.heard = True

    def pace(self, period_s: float, asked_s: float) -> None:
        """Read it at another pace from now on: the grid begins anew with the reading that was the reason."""
        if period_s != self.period_s:
            self.period_s = period_s
            self.due_s = asked_s + period_s

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
            self.probe_by_s = self.rested_until_s + REST_AT_MOST_S

    def rest_on(self, until_s: float) -> None:
        """Let a silent device rest for longer than it needs: others are due."""
        self.rested_until_s = min(until_s, self.probe_by_s)


def whose_turn(attendances: Sequence[Attendance], now_s: float) -> int:
    """Return the position of the device that is served next.

    Of those that are due, the ones that answer come before the suspects; and a suspect is asked only where its time-out
    ends before one that answers is due, or where it has waited long: one that is silent rests for one more turn, one
    that only failed lately waits for a period at most. Where none is due, the earliest.
    """
    due = [at for at, each in enumerate(attendances) if each.due_s <= now_s]
    if not due:
        return min(range(len(attendances)), key=lambda at: attendances[at].due_s)
    first = min(due, key=lambda at: (attendances[at].suspect(now_s), attendances[at].due_s))
    if not attendances[first].suspect(now_s):
        return first
    sure = [at for at, each in enumerate(attendances) if not each.suspect(now_s)]
    following = min(sure, key=lambda at: attendances[at].due_s, default=first)
    until_s = now_s + attendances[first].costs_s
    if following == first or attendances[following].due_s >= until_s:
        return first
    if attendances[first].silent:
        attendances[first].rest_on(until_s)
        return first
    waited_s = now_s - attendances[first].due_s
    return first if waited_s >= attendances[first].period_s or not attendances[first].failures else following
