"""Devices that an address character tells apart."""

from typing import Annotated, ClassVar

from msgspec import Meta

from siloscope_edge.instruments import Device


class AddressedDevice(Device, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A device whose address is one character, as those of Vaisala and SDI-12 are.

    Attributes:
        address: That character.
    """

    addressed_by: ClassVar[str] = "address"

    address: Annotated[str, Meta(pattern=r"^[0-9A-Za-z]$")]
