"""A Modbus device in the configuration."""

from typing import Annotated, ClassVar

from msgspec import Meta

from siloscope_edge.instruments import Device


class ModbusDevice(Device, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A device with a unit id.

    Attributes:
        unit_id: Its address; 248 to 255 are any-addresses of some makers.
    """

    addressed_by: ClassVar[str] = "unit_id"

    unit_id: Annotated[int, Meta(ge=1, le=255)]
