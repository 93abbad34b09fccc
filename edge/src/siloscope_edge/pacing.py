"""Pacing: a device is read faster while something is changing. No I/O, no clock of its own."""

from siloscope_contract.packs import Sample
from siloscope_edge.rules import ChannelRules, DeviceRules


class Pacing:
    """Says how soon a device is read again.

    Args:
        rules: The device's.
    """

    def __init__(self, rules: DeviceRules) -> None:
        self._calm_s = rules.period_s
        self._fast_s = rules.fast_period_s
        self._for_ms = rules.fast_for_s * 1000
        self._watched = [
            (at, _Watch(each, each.lively_change, rules.period_s * 1000))
            for at, each in enumerate(rules.channels)
            if each.lively_change is not None
        ]
        self._changed_ms: int | None = None
        self.is_fast = False

    def period_s(self, sample: Sample) -> float:
        """Return the period that follows from a sample."""
        if self._fast_s is None:
            return self._calm_s
        for at, watch in self._watched:
            value = sample.values[at]
            if value is not None and watch.sees_change(value, sample.time_ms):
                self._changed_ms = sample.time_ms
        self.is_fast = self._changed_ms is not None and sample.time_ms - self._changed_ms < self._for_ms
        return self._fast_s if self.is_fast else self._calm_s


class _Watch:
    """Compares with what was a calm period ago, so that reading faster does not make changes look smaller."""

    def __init__(self, rules: ChannelRules, change: float, calm_ms: float) -> None:
        self._rules = rules
        self._change = change
        self._calm_ms = calm_ms
        self._value: float | None = None
        self._at_ms = 0

    def sees_change(self, value: float, time_ms: int) -> bool:
        changed = self._value is not None and self._rules.distance(value, self._value) >= self._change
        if self._value is None or changed or time_ms - self._at_ms >= self._calm_ms:
            self._value, self._at_ms = value, time_ms
        return changed
