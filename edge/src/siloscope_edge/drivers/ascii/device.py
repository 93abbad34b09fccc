"""A device that talks in lines, in the configuration."""

from typing import Annotated, ClassVar

from msgspec import Meta

from siloscope_edge.instruments import Device


class AsciiDevice(Device, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A device that talks in lines.

    Attributes:
        address: What ``{address}`` in its profile stands for; the profile's own unless told.
        listening: Whether it talks unasked; as the profile says unless told.
    """

    addressed_by: ClassVar[str] = "address"

    address: Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{1,8}$")] | None = None
    listening: bool | None = None

    @property
    def where(self) -> str:
        return "alone" if self.address is None else f"address {self.address}"
