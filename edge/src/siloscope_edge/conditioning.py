"""What happens to a sample between the bus and the spool, stage by stage.

screening    doubted readings are marked: stuck, step
pacing       the device is read faster while something is changing
reporting    what says nothing new is held back, but for a heartbeat
"""

from typing import NamedTuple

from siloscope_contract.packs import Sample
from siloscope_edge.pacing import Pacing
from siloscope_edge.reporting import Reporting
from siloscope_edge.rules import DeviceRules
from siloscope_edge.screening import Screening


class Conditioned(NamedTuple):
    """What becomes of a sample.

    Attributes:
        samples: To be kept and sent, oldest first.
        period_s: How soon the device is read again.
    """

    samples: list[Sample]
    period_s: float


class Conditioning:
    """The stages of one device.

    Args:
        rules: The device's.
    """

    def __init__(self, rules: DeviceRules) -> None:
        self._screening = Screening(rules)
        self._pacing = Pacing(rules)
        self._reporting = Reporting(rules)

    def take(self, sample: Sample) -> Conditioned:
        """Return what becomes of a sample that was just read."""
        self._screening.screen(sample)
        period_s = self._pacing.period_s(sample)
        return Conditioned(self._reporting.reported(sample, period_s, changing=self._pacing.is_fast), period_s)

    def last(self) -> list[Sample]:
        """Return what was held back, at the end of reading."""
        return self._reporting.last()
