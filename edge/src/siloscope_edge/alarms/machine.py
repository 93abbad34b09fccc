"""The life of an alarm: from calm over pending to open, and back over clearing. No I/O, no clock of its own.

What is not known decides nothing: it neither opens an alarm, unless the rule says so, nor clears one. A hold survives
it for as long as a reading may be old, and then begins anew.
"""

from collections.abc import Iterable
from enum import IntEnum
from math import isfinite

from siloscope_contract.quality import FIRST_BAD, Quality
from siloscope_edge.alarms.rules import AlarmRule


class Standing(IntEnum):
    """Where a reading stands; of several the greatest counts."""

    CLEARED = 0
    BETWEEN = 1  # neither beyond the level nor back at the one that clears
    UNKNOWN = 2
    BREACHED = 3


class Phase(IntEnum):
    """Where an alarm is in its life; the numbers are published, so never renumber one."""

    CALM = 0
    PENDING = 1  # beyond the level, not yet for long enough
    OPEN = 2
    CLEARING = 3  # back, not yet for long enough
    LATCHED = 4  # cleared, and waits for a person

    @property
    def switches(self) -> bool:
        """Whether its outputs are on."""
        return self >= Phase.OPEN


def standing_of(rule: AlarmRule, value: float | None, quality: int) -> Standing:
    """Return where a reading stands.

    A bad one is unknown, and so is one that is no number. So is one that is doubted as a step: the next one confirms or
    refutes it. Whatever else is doubted has a value that counts.
    """
    if value is None or not isfinite(value) or quality >= FIRST_BAD or quality == Quality.STEP:
        return Standing.UNKNOWN
    sign = 1 if rule.above is not None else -1
    if sign * (value - rule.level) > 0:
        return Standing.BREACHED
    return Standing.CLEARED if sign * (value - rule.clears_at) <= 0 else Standing.BETWEEN


def together(standings: Iterable[Standing]) -> Standing:
    """Return where several channels stand as one: any that is beyond the level counts, then any that is unknown."""
    return max(standings)


class Machine:
    """One alarm.

    Args:
        rule: What opens and clears it.
        period_s: How often its device is read.
        phase: Where it was when the agent ended: holds begin anew, an open alarm is open.
    """

    def __init__(self, rule: AlarmRule, period_s: float, phase: Phase = Phase.CALM) -> None:
        self._rule = rule
        self._patience_s = rule.patience_s(period_s)
        self._unknown_s = rule.unknown_patience_s(period_s) if rule.on_unknown == "activate" else None
        self._since_s = 0.0
        self._stepped_at_s: float | None = None
        self._unknown_since_s: float | None = None
        self._by_unknown = False
        self.phase = phase
        self._begin_holds_anew()

    @property
    def is_unknown(self) -> bool:
        """Whether it is not known where the readings stand."""
        return self._unknown_since_s is not None

    def step(self, now_s: float, standing: Standing) -> Phase:
        """Take in where the readings stand now, on the monotonic clock; return the phase."""
        if self._stepped_at_s is not None and now_s - self._stepped_at_s > self._patience_s:
            self._begin_holds_anew()  # nobody looked, for longer than a reading counts
        self._stepped_at_s = now_s
        if standing is Standing.UNKNOWN:
            self._unknown(now_s)
        else:
            self._unknown_since_s = None
            self._known(now_s, standing)
        return self.phase

    def reset(self) -> bool:
        """Let go of what is latched; return whether there was anything. What stands open stays open."""
        if self.phase is not Phase.LATCHED:
            return False
        self.phase = Phase.CALM
        return True

    def _known(self, now_s: float, standing: Standing) -> None:
        if self.phase in (Phase.CALM, Phase.PENDING):
            if standing is not Standing.BREACHED:
                self.phase = Phase.CALM
                return
            self._hold(now_s, Phase.PENDING)
            if now_s - self._since_s >= self._rule.for_s:
                self.phase, self._by_unknown = Phase.OPEN, False
        elif standing is Standing.BREACHED:
            self.phase, self._by_unknown = Phase.OPEN, False
        elif self.phase is not Phase.LATCHED:
            self._come_back(now_s, standing)

    def _come_back(self, now_s: float, standing: Standing) -> None:
        # What only the lack of readings opened never was beyond the level: it need not come back across it.
        if standing is Standing.BETWEEN and not self._by_unknown:
            self.phase = Phase.OPEN
            return
        self._hold(now_s, Phase.CLEARING)
        if now_s - self._since_s >= self._rule.clear_for_s:
            self.phase, self._by_unknown = Phase.LATCHED if self._rule.latch else Phase.CALM, False

    def _hold(self, now_s: float, phase: Phase) -> None:
        if self.phase is not phase:
            self.phase, self._since_s = phase, now_s

    def _unknown(self, now_s: float) -> None:
        if self._unknown_since_s is None:
            self._unknown_since_s = now_s
        lasted_s = now_s - self._unknown_since_s
        if lasted_s > self._patience_s:
            self._begin_holds_anew()
        if self._unknown_s is not None and lasted_s >= self._unknown_s and self.phase in (Phase.CALM, Phase.PENDING):
            self.phase, self._by_unknown = Phase.OPEN, True

    def _begin_holds_anew(self) -> None:
        self.phase = {Phase.PENDING: Phase.CALM, Phase.CLEARING: Phase.OPEN}.get(self.phase, self.phase)
