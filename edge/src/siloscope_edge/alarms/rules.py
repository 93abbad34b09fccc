"""The rules: what opens an alarm, what clears it, and what it switches."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Hold = Annotated[float, Meta(ge=0, le=86_400)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class AlarmRule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A level that one channel of a device may not pass, or any of several.

    Attributes:
        name: Slug.
        title: For people.
        device: Whose readings.
        channels: Which of them; the alarm is about any one of these.
        above: It opens when a reading is above this level, in the channel's unit.
        below: Or below; exactly one of the two is given.
        clear: The level that readings must come back to (at or below, at or above) before it clears; the same unless
            told.
        for_s: How long readings must be beyond the level before it opens.
        clear_for_s: How long they must be back before it clears.
        stale_after_s: Age at which a reading counts no longer; three periods of the device unless told.
        on_unknown: What happens when there is no reading that counts. `hold` leaves things as they are; `activate`
            opens the alarm after `unknown_for_s`.
        unknown_for_s: How long readings may be missing with `activate`; the longer of `for_s` and `stale_after_s`
            unless told.
        latch: Whether it stays on, once cleared, until somebody resets it.
        switches: Outputs that are on while it is open; without any it is only reported.
    """

    name: str
    title: str = ""
    device: str
    channels: Annotated[tuple[str, ...], Meta(min_length=1, max_length=64)]
    above: float | None = None
    below: float | None = None
    clear: float | None = None
    for_s: Hold = 0.0
    clear_for_s: Hold = 0.0
    stale_after_s: Seconds | None = None
    on_unknown: Literal["hold", "activate"] = "hold"
    unknown_for_s: Seconds | None = None
    latch: bool = False
    switches: tuple[str, ...] = ()

    @property
    def level(self) -> float:
        """What readings may not pass."""
        return self.above if self.above is not None else self.below or 0.0

    @property
    def clears_at(self) -> float:
        """What they must come back to."""
        return self.clear if self.clear is not None else self.level

    def patience_s(self, period_s: float) -> float:
        """Return how old a reading of a device of this period may be."""
        return self.stale_after_s if self.stale_after_s is not None else 3 * period_s

    def unknown_patience_s(self, period_s: float) -> float:
        """Return how long readings may be missing before that opens the alarm."""
        return self.unknown_for_s if self.unknown_for_s is not None else max(self.for_s, self.patience_s(period_s))
