"""Instruments that talk in lines of ASCII, asked or unasked: Gill, NMEA 0183, and whatever a profile describes."""

from collections.abc import Sequence

from siloscope_edge.driver import Driver
from siloscope_edge.drivers.ascii.device import AsciiDevice
from siloscope_edge.drivers.ascii.port import AsciiBus
from siloscope_edge.drivers.ascii.profile import AsciiProfile, check
from siloscope_edge.wires import SerialLine, TcpLine


class Ascii(SerialLine, frozen=True, forbid_unknown_fields=True):
    """A serial port with instruments that talk in lines."""


class AsciiTcp(TcpLine, frozen=True, forbid_unknown_fields=True):
    """A terminal server with instruments that talk in lines."""


def _asks(profile: AsciiProfile) -> Sequence[str]:
    return [message.name if profile.listening else repr(message.query) for message in profile.messages]


DRIVER = Driver(
    name="ascii",
    summary="lines of ASCII with or without checksums, polled or listened to: Gill, NMEA 0183 and others",
    profile=AsciiProfile,
    device=AsciiDevice,
    lines={"ascii": Ascii, "ascii_tcp": AsciiTcp},
    bus=AsciiBus,
    asks=_asks,
    check=check,
)
