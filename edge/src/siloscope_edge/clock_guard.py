"""The clock guard: no reading is dated by a clock that is known to be wrong. No I/O.

Readings count from the boot. What turns that into dates is a stamp: known, once the kernel (or whoever the settings
name) says that the clock is synchronised; provisional after a wait; none before. A clock that was synchronised once in
this boot and lost its source runs on by the boot's own count, whatever is done to the wall clock meanwhile.
"""

from enum import StrEnum
from typing import NamedTuple, Protocol

from msgspec import Struct

from siloscope_contract.births import ClockState
from siloscope_edge.clock_settings import ClockSettings
from siloscope_edge.instants import EARLIEST_MS, BootBase, Stamp

_DRIFT_WINDOW_MS = 600_000
_DRIFT_AGAIN_MS = 3_600_000
_REMEMBER_AGAIN_MS = 6 * 3_600_000
"""A start that finds no source counts its patience from the last time that this was written."""


class Look(NamedTuple):
    """The machine's clocks at one instant.

    Attributes:
        boot_ms: Since the boot; never steps.
        wall_ms: Since 1970; may be anything.
        oscillator_ms: As the oscillator counts, without anybody's correction.
        synchronised: Whether the wall clock is known to be right.
    """

    boot_ms: int
    wall_ms: int
    oscillator_ms: float
    synchronised: bool


class TimeSource(Protocol):
    """Where looks come from."""

    @property
    def boot(self) -> str:
        """The id of this boot."""
        ...

    def boot_ms(self) -> int:
        """Return the milliseconds since the boot."""
        ...

    def look(self) -> Look:
        """Look at all clocks at once."""
        ...


class Happening(StrEnum):
    """What a clock did."""

    SYNCHRONISED = "clock_synchronised"
    LOST = "clock_lost_its_source"
    UNTRUSTED = "clock_too_long_without_source"
    PROVISIONAL = "clock_taken_provisionally"
    STEPPED = "clock_stepped"
    DRIFTING = "clock_drifting"


class ClockEvent(Struct, frozen=True):
    """Something that a clock did.

    Attributes:
        what: Kind.
        step_s: How far the wall clock stepped, or stands from where a provisional stamp took it to be.
        drift_ppm: How fast it is being corrected.
    """

    what: Happening
    step_s: float = 0.0
    drift_ppm: float = 0.0


class ClockGuard:
    """Says how readings are dated.

    Args:
        source: The machine's clocks.
        settings: Patience and bounds.
        remembered: What an earlier start in this boot found out.
        known_ms: The newest date that is known to be right: a boot cannot have been before it.
    """

    def __init__(
        self, source: TimeSource, settings: ClockSettings, remembered: BootBase | None = None, known_ms: int = 0
    ) -> None:
        self._source = source
        self._settings = settings
        self._known_ms = max(known_ms, EARLIEST_MS)
        self._events: list[ClockEvent] = []
        first = source.look()
        self._since_ms = first.boot_ms
        self._seen_base_ms = first.wall_ms - first.boot_ms
        self._anchor = first
        self._drift_told_ms: int | None = None
        self.drift_ppm = 0.0
        self._synchronised = False
        self._lost_ms: int | None = None
        self._trusted_ms: int | None = None
        self._provisional_ms: int | None = None
        self._base = BootBase(source.boot, Stamp(self._plausible(first), known=False), first.boot_ms, final=False)
        if remembered is not None and remembered.boot == source.boot:
            self._recall(remembered)

    @property
    def base(self) -> BootBase:
        """What is to be remembered of this boot."""
        return self._base

    @property
    def state(self) -> ClockState:
        """What births and heartbeats say."""
        return ClockState.SYNCHRONISED if self._synchronised else ClockState.UNSYNCHRONISED

    @property
    def offset_s(self) -> float | None:
        """How far the wall clock stands from what readings are dated by; None before it was ever synchronised."""
        if self._trusted_ms is None:
            return None
        look = self._source.look()
        return (look.wall_ms - look.boot_ms - self._trusted_ms) / 1000

    def boot_ms(self) -> int:
        """Return the instant that a reading of now is of."""
        return self._source.boot_ms()

    def stamp(self) -> Stamp | None:
        """Look at the clocks; return what dates readings now, or None while they must wait."""
        look = self._source.look()
        self._watch_steps(look)
        self._watch_drift(look)
        if look.synchronised:
            return self._synchronised_stamp(look)
        if self._synchronised:
            self._synchronised, self._lost_ms = False, look.boot_ms
            self._events.append(ClockEvent(Happening.LOST))
        if self._trusted_ms is not None:
            return self._holdover_stamp(look, self._trusted_ms)
        return self._provisional_stamp(look)

    def instant_ms(self) -> int:
        """Return now as a date, or since the boot while dates must wait."""
        stamp = self.stamp()
        boot_ms = self._source.boot_ms()
        return boot_ms if stamp is None else stamp.base_ms + boot_ms

    def events(self) -> list[ClockEvent]:
        """Return what happened since the last call."""
        happened, self._events = self._events, []
        return happened

    def _synchronised_stamp(self, look: Look) -> Stamp:
        base_ms = look.wall_ms - look.boot_ms
        if not self._synchronised:
            taken_ms = self._trusted_ms if self._trusted_ms is not None else self._provisional_ms
            step_s = (base_ms - taken_ms) / 1000 if taken_ms is not None else 0.0
            self._events.append(ClockEvent(Happening.SYNCHRONISED, step_s=step_s))
            self._synchronised, self._lost_ms = True, None
        stamp = Stamp(base_ms, known=True)
        moved = self._trusted_ms is None or abs(base_ms - self._trusted_ms) >= self._step_ms
        if moved or look.boot_ms - self._base.at_boot_ms >= _REMEMBER_AGAIN_MS:
            self._base = BootBase(self._source.boot, stamp, look.boot_ms, final=True)
        self._trusted_ms = base_ms
        return stamp

    def _holdover_stamp(self, look: Look, trusted_ms: int) -> Stamp:
        lost_ms = self._lost_ms if self._lost_ms is not None else look.boot_ms
        known = look.boot_ms - lost_ms <= self._settings.holdover_s * 1000
        if not known and self._base.stamp.known:
            self._events.append(ClockEvent(Happening.UNTRUSTED))
            self._base = BootBase(self._source.boot, Stamp(trusted_ms, known=False), lost_ms, final=True)
        return Stamp(trusted_ms, known)

    def _provisional_stamp(self, look: Look) -> Stamp | None:
        if self._provisional_ms is not None:
            return Stamp(self._provisional_ms, known=False)
        plausible_ms = self._plausible(look)
        if look.boot_ms - self._since_ms < self._settings.wait_s * 1000:
            if abs(plausible_ms - self._base.stamp.base_ms) >= self._step_ms:
                self._base = BootBase(self._source.boot, Stamp(plausible_ms, known=False), look.boot_ms, final=False)
            return None
        self._provisional_ms = plausible_ms
        stamp = Stamp(plausible_ms, known=False)
        self._base = BootBase(self._source.boot, stamp, look.boot_ms, final=True)
        self._events.append(ClockEvent(Happening.PROVISIONAL))
        return stamp

    def _plausible(self, look: Look) -> int:
        """Return the boot's date by the wall clock, but none before what is known to have been."""
        return max(look.wall_ms - look.boot_ms, self._known_ms + 1)

    def _recall(self, remembered: BootBase) -> None:
        self._base = remembered
        if not remembered.final:
            return
        if remembered.stamp.known:
            self._trusted_ms, self._lost_ms = remembered.stamp.base_ms, remembered.at_boot_ms
        else:
            self._provisional_ms = remembered.stamp.base_ms

    def _watch_steps(self, look: Look) -> None:
        base_ms = look.wall_ms - look.boot_ms
        step_ms = base_ms - self._seen_base_ms
        if abs(step_ms) >= self._step_ms:
            self._events.append(ClockEvent(Happening.STEPPED, step_s=step_ms / 1000))
        self._seen_base_ms = base_ms

    def _watch_drift(self, look: Look) -> None:
        passed_ms = look.oscillator_ms - self._anchor.oscillator_ms
        if passed_ms < _DRIFT_WINDOW_MS:
            return
        self.drift_ppm = (look.boot_ms - self._anchor.boot_ms - passed_ms) / passed_ms * 1e6
        self._anchor = look
        told = self._drift_told_ms is not None and look.boot_ms - self._drift_told_ms < _DRIFT_AGAIN_MS
        if abs(self.drift_ppm) > self._settings.drift_ppm and not told:
            self._drift_told_ms = look.boot_ms
            self._events.append(ClockEvent(Happening.DRIFTING, drift_ppm=self.drift_ppm))

    @property
    def _step_ms(self) -> float:
        return self._settings.step_s * 1000
