"""Reporting by exception: what does not change is told by a heartbeat only, so that it is never taken for dead.

No I/O, no clock of its own.
"""

from siloscope_contract.packs import Sample
from siloscope_edge.rules import DeviceRules


class Reporting:
    """Holds back samples that say nothing new.

    Args:
        rules: The device's.
    """

    def __init__(self, rules: DeviceRules) -> None:
        self._channels = rules.channels
        self._heartbeat_ms = rules.heartbeat_s * 1000 if rules.heartbeat_s is not None else None
        self._told: Sample | None = None
        self._held: Sample | None = None

    def reported(self, sample: Sample, period_s: float, *, changing: bool = False) -> list[Sample]:
        """Return what is to be reported now, oldest first.

        Where a change ends a time without one, the last sample before it goes first: else a line between the reports
        would show a slow slope where there was a jump.

        Args:
            sample: Just read.
            period_s: When the next one comes.
            changing: Whether the device is read at the fast pace: then everything is reported.
        """
        if self._heartbeat_ms is None:
            return [sample]
        told, held = self._told, self._held
        if told is not None and not changing and not self._is_news(sample, told):
            if sample.time_ms + period_s * 1000 <= told.time_ms + self._heartbeat_ms:
                self._held = sample
                return []
            held = None  # a heartbeat says the same
        self._told, self._held = sample, None
        return [sample] if held is None else [held, sample]

    def last(self) -> list[Sample]:
        """Return what was held back, at the end of reading: it says until when all was well."""
        held, self._held = self._held, None
        return [held] if held is not None else []

    def _is_news(self, sample: Sample, told: Sample) -> bool:
        if sample.quality != told.quality:
            return True
        for value, before, rules in zip(sample.values, told.values, self._channels, strict=True):
            if value is not None and before is not None and rules.distance(value, before) > (rules.deadband or 0.0):
                return True
        return False
