"""Screening: readings that can be doubted keep their values and say why. No I/O, no clock of its own."""

from siloscope_contract.packs import Sample
from siloscope_contract.quality import Quality
from siloscope_edge.rules import ChannelRules, DeviceRules

_FORGET_PERIODS = 3
"""After so many periods without a good reading the next one has nothing to be a step from."""


class Screening:
    """Judges a device's samples by those before.

    Args:
        rules: The device's.
    """

    def __init__(self, rules: DeviceRules) -> None:
        self._steps = [
            (at, _StepCheck(each, each.largest_step, rules.period_s))
            for at, each in enumerate(rules.channels)
            if each.largest_step is not None
        ]
        self._stuck = [
            (at, _StuckCheck(each.stuck_after_s))
            for at, each in enumerate(rules.channels)
            if each.stuck_after_s is not None
        ]

    def screen(self, sample: Sample) -> None:
        """Mark the sample's readings that are doubted; those that are marked already stay as they are."""
        for at, stuck in self._stuck:
            value = sample.values[at]
            if value is not None and stuck.doubts(value, sample.time_ms) and not sample.quality[at]:
                sample.quality[at] = int(Quality.STUCK)
        for at, step in self._steps:
            value = sample.values[at]
            if value is not None and step.doubts(value, sample.time_ms) and not sample.quality[at]:
                sample.quality[at] = int(Quality.STEP)


class _StepCheck:
    """Doubts a jump until the next reading confirms it: a single wild value is doubted, a new level but once."""

    __slots__ = ("_at_ms", "_believed", "_doubted", "_forget_ms", "_largest", "_rules")

    def __init__(self, rules: ChannelRules, largest_step: float, period_s: float) -> None:
        self._rules = rules
        self._largest = largest_step
        self._forget_ms = _FORGET_PERIODS * period_s * 1000
        self._believed: float | None = None
        self._doubted: float | None = None
        self._at_ms = 0

    def doubts(self, value: float, time_ms: int) -> bool:
        if time_ms - self._at_ms > self._forget_ms:
            self._believed = self._doubted = None
        self._at_ms = time_ms
        for near in (self._believed, self._doubted):
            if near is not None and self._rules.distance(value, near) <= self._largest:
                self._believed, self._doubted = value, None
                return False
        if self._believed is None:
            self._believed = value
            return False
        self._doubted = value
        return True


class _StuckCheck:
    """Doubts a value that has been exactly the same for too long: a live sensor has noise."""

    __slots__ = ("_after_ms", "_since_ms", "_value")

    def __init__(self, after_s: float) -> None:
        self._after_ms = after_s * 1000
        self._value: float | None = None
        self._since_ms = 0

    def doubts(self, value: float, time_ms: int) -> bool:
        if value != self._value:
            self._value, self._since_ms = value, time_ms
        return time_ms - self._since_ms >= self._after_ms
