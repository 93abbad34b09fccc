"""When an output is switched, checked, or left alone. No I/O, no clock of its own.

Two changes are never closer than the minimum interval; what failed is tried until it succeeds, ever more rarely; and it
is made sure from time to time that the output still does what it should.
"""

from enum import StrEnum
from math import inf
from typing import NamedTuple

_FIRST_RETRY_S = 1.0
_RETRY_AT_MOST_S = 30.0
_SHARE = 10
"""A failure costs the line its time-out; the output is left alone at least this many times as long."""


class Act(StrEnum):
    """What to do with an output."""

    ON = "on"
    OFF = "off"
    CHECK = "check"
    WAIT = "wait"


class Todo(NamedTuple):
    """What to do now; to wait, until when."""

    act: Act
    until_s: float = inf


class Switching:
    """One output.

    Args:
        minimum_interval_s: Least time between two changes.
        check_every_s: How often it is made sure of; None: never.
        tells: Whether it can be asked what it does.
        known: What it is known to do before anything was asked; None: that is not known.

    Attributes:
        wanted: What it should do.
        known: What it is known to do.
        failures: Tries in a row that failed.
        changes: How often it was switched over.
    """

    def __init__(
        self,
        minimum_interval_s: float,
        check_every_s: float | None,
        *,
        tells: bool,
        known: bool | None = None,
    ) -> None:
        self.wanted = False
        self.known = known
        self.failures = 0
        self.changes = 0
        self._interval_s = minimum_interval_s
        self._check_every_s = check_every_s
        self._tells = tells
        self._tried: bool | None = None
        self._changed_at_s = -inf
        self._made_sure_at_s = -inf
        self._retry_at_s = -inf
        self._urgent_at_s = -inf
        self._failed_wanted = False
        self._is_neither = False
        self._verifies = False

    def next(self, now_s: float) -> Todo:
        """Return what to do."""
        if now_s < (retry_at_s := self._retries_at_s):
            return Todo(Act.WAIT, retry_at_s)
        if self._verifies:
            return Todo(Act.CHECK)
        if self.known is self.wanted:
            return self._make_sure(now_s)
        if self._is_new and (not self.wanted or not self.failures):
            return Todo(Act.CHECK)  # what is as it should be needs no writing
        if self._moves(on=self.wanted) and now_s < self._changed_at_s + self._interval_s:
            return Todo(Act.WAIT, self._changed_at_s + self._interval_s)
        return Todo(Act.ON if self.wanted else Act.OFF)

    def switching(self, now_s: float, *, on: bool) -> None:
        """Note that it is about to be switched: from here on it may have moved."""
        if self._moves(on=on):
            self.changes += on or self._tried is True or self.known is True
        if self.known is not on:
            self._changed_at_s = now_s  # also where it is tried again: it may be this time that it moves
        self._tried, self.known = on, None

    def switched(self, now_s: float, *, on: bool) -> None:
        """Note that it took the command; where it can be asked, that is to be verified."""
        self._verifies = self._tells
        if not self._tells:
            self._sure(now_s, on=on)

    def told(self, now_s: float, *, on: bool | None) -> bool:
        """Note what it says that it does; return whether that is what it was just told to do, or nothing was told."""
        verified = not self._verifies or on is self._tried
        self._verifies = False
        self._is_neither = on is None
        self.known, self._made_sure_at_s = on, now_s
        if verified:
            self.failures, self._retry_at_s = 0, -inf
        else:
            self.failed(now_s)
            self.known = on
        return verified

    def failed(self, now_s: float, costs_s: float = 0.0) -> None:
        """Note that it could not be switched, or asked, and what that cost its line."""
        self.failures += 1
        self._verifies, self.known = False, None
        if self._is_new and self.wanted and self.failures == 1:
            return  # it could not be asked: it is told without
        doubled = min(_FIRST_RETRY_S * 2.0 ** min(self.failures - 1, 10), _RETRY_AT_MOST_S)
        self._retry_at_s = now_s + max(doubled, _SHARE * costs_s)
        self._urgent_at_s = now_s + max(_FIRST_RETRY_S, _SHARE * costs_s)
        self._failed_wanted = self.wanted

    def _make_sure(self, now_s: float) -> Todo:
        if self._check_every_s is None or not (self._tells or self.wanted):
            return Todo(Act.WAIT)
        due_s = self._made_sure_at_s + self._check_every_s
        if now_s < due_s:
            return Todo(Act.WAIT, due_s)
        return Todo(Act.CHECK) if self._tells else Todo(Act.ON)

    @property
    def _retries_at_s(self) -> float:
        """When what failed is tried again; an alarm that opens meanwhile does not wait for long failures before it."""
        is_urgent = self.wanted and not self._failed_wanted
        return min(self._urgent_at_s, self._retry_at_s) if is_urgent else self._retry_at_s

    @property
    def _is_new(self) -> bool:
        """Whether it can be asked before anything is written; what answers that it is neither on nor off, was."""
        return self.known is None and self._tells and self._tried is None and not self._is_neither

    def _sure(self, now_s: float, *, on: bool) -> None:
        self.known, self._made_sure_at_s = on, now_s
        self.failures, self._retry_at_s = 0, -inf

    def _moves(self, *, on: bool) -> bool:
        """Say whether this may move it: what was written last moves nothing, unless it was found otherwise since."""
        return self._tried is not on or self.known is (not on)
