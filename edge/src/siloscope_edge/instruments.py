"""Instruments: a device of the configuration together with its profile."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct, field

from siloscope_edge.profiles import Profile

Seconds = Annotated[float, Meta(gt=0)]


class Device(Struct, frozen=True, forbid_unknown_fields=True):
    """One instrument on a bus; drivers whose lines carry several add how each is addressed.

    Attributes:
        name: Slug, unique in the node.
        profile: Which profile describes it.
        period_s: How often it is read; the profile's unless told.
        delivery_s: How much later than its time a sample of it may arrive; the profile's unless told.
        when_full: What becomes of its oldest samples when the spool is full: thinned out first, or evicted at once.
        options: Where the profile leaves a choice: what holds for this one.
    """

    addressed_by: ClassVar[str] = ""
    """The field that tells the devices of a line apart; empty where a line carries one."""

    name: str
    profile: str
    period_s: Seconds | None = None
    title: str = ""
    when_full: Literal["thin_out", "evict"] = "thin_out"
    options: dict[str, str] = field(default_factory=dict)
    delivery_s: Seconds | None = None

    @property
    def address_on_line(self) -> object:
        """What tells it apart on its line."""
        return getattr(self, self.addressed_by) if self.addressed_by else ""

    @property
    def where(self) -> str:
        """Its place on the line, for people."""
        return f"{self.addressed_by.replace('_id', '')} {self.address_on_line}" if self.addressed_by else "alone"


class Instrument(Struct, frozen=True):
    """A device with its profile: all that polling needs."""

    device: Device
    profile: Profile

    @property
    def name(self) -> str:
        """The device's name."""
        return self.device.name

    @property
    def period_s(self) -> float:
        """How often it is read."""
        return self.device.period_s or self.profile.period_s

    @property
    def delivery_s(self) -> float | None:
        """How much later than its time a sample may arrive, where that is more than usual."""
        return self.device.delivery_s or self.profile.delivery_s
