"""SDI-12 sensors behind an adapter that takes and gives plain text."""

from collections.abc import Sequence

from siloscope_edge.addresses import AddressedDevice
from siloscope_edge.driver import Driver
from siloscope_edge.drivers.sdi12.port import Sdi12Bus
from siloscope_edge.drivers.sdi12.profile import Sdi12Profile
from siloscope_edge.wires import SerialLine, TcpLine


class Sdi12(SerialLine, frozen=True, forbid_unknown_fields=True):
    """A serial port with an SDI-12 adapter; the speed is that of the adapter, not of the sensor bus."""


class Sdi12Tcp(TcpLine, frozen=True, forbid_unknown_fields=True):
    """A network adapter with SDI-12 sensors."""


def _asks(profile: Sdi12Profile) -> Sequence[str]:
    return [f"a{command}!" for command in dict.fromkeys(channel.command for channel in profile.channels)]


DRIVER = Driver(
    name="sdi12",
    summary="SDI-12 sensors behind an ASCII adapter: M, C and R commands, with or without checksum",
    profile=Sdi12Profile,
    device=AddressedDevice,
    lines={"sdi12": Sdi12, "sdi12_tcp": Sdi12Tcp},
    bus=Sdi12Bus,
    asks=_asks,
)
