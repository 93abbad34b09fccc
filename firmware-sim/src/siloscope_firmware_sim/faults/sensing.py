"""Elements with faults: what an instrument is told that it measures."""

from collections.abc import Callable

from siloscope_firmware_sim.faults.schedule import Faults, Kind

_DRIFT_PER_S = 0.02


class Sensing:
    """The elements of one instrument.

    Args:
        name: The instrument.
        faults: What is wrong when.
        now_s: Tells when.
    """

    def __init__(self, name: str, faults: Faults, now_s: Callable[[], float]) -> None:
        self._name = name
        self._faults = faults
        self._now_s = now_s

    @property
    def at_s(self) -> float:
        """The instant that its elements tell of: where they are stuck, the one at which they got stuck."""
        now_s = self._now_s()
        stuck = self._faults.on(Kind.STUCK, self._name, now_s)
        return now_s if stuck is None else stuck.at_s

    @property
    def drift(self) -> float:
        """What a drifting element adds by now, in its own unit."""
        now_s = self._now_s()
        drifting = self._faults.on(Kind.DRIFTING, self._name, now_s)
        return 0.0 if drifting is None else (drifting.size - 0.5) * _DRIFT_PER_S * (now_s - drifting.at_s)

    @property
    def missing(self) -> bool:
        """Whether there is no element."""
        return self._faults.on(Kind.MISSING, self._name, self._now_s()) is not None

    def value(self, of: Callable[[float], float]) -> float | None:
        """Return what an element tells of what is true at an instant."""
        return None if self.missing else of(self.at_s) + self.drift
