"""Vaisala WXT510, WXT520 and WXT530 weather transmitters, polled in ASCII with checksums."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from siloscope_edge.addresses import AddressedDevice
from siloscope_edge.driver import Driver
from siloscope_edge.drivers.wxt.port import WxtBus
from siloscope_edge.drivers.wxt.profile import WxtProfile
from siloscope_edge.wires import SerialLine, TcpLine


class Wxt(SerialLine, frozen=True, forbid_unknown_fields=True):
    """A serial port with Vaisala transmitters."""

    baud: Annotated[int, Meta(ge=300, le=1_000_000)] = 19200


class WxtTcp(TcpLine, frozen=True, forbid_unknown_fields=True):
    """A terminal server with Vaisala transmitters on its serial line."""


def _asks(profile: WxtProfile) -> Sequence[str]:
    return list(dict.fromkeys(channel.query for channel in profile.channels))


DRIVER = Driver(
    name="wxt",
    summary="Vaisala weather transmitters in their ASCII protocol, polled with checksums",
    profile=WxtProfile,
    device=AddressedDevice,
    lines={"wxt": Wxt, "wxt_tcp": WxtTcp},
    bus=WxtBus,
    asks=_asks,
)
