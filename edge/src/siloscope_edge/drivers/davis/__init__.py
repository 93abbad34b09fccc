"""Davis Vantage Pro, Pro2 and Vue consoles: LOOP and LOOP2 packets over a serial line or TCP."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from siloscope_edge.driver import Driver
from siloscope_edge.drivers.davis.packets import FIELDS, PacketName
from siloscope_edge.drivers.davis.port import DavisBus
from siloscope_edge.drivers.davis.profile import DavisProfile, check
from siloscope_edge.instruments import Device
from siloscope_edge.wires import SerialLine, TcpLine, TcpPort


class Davis(SerialLine, frozen=True, forbid_unknown_fields=True):
    """A serial port, or USB logger, with a console."""

    baud: Annotated[int, Meta(ge=300, le=1_000_000)] = 19200


class DavisTcp(TcpLine, frozen=True, forbid_unknown_fields=True):
    """A WeatherLink IP, or a terminal server with a console."""

    port: TcpPort = 22222


def _asks(profile: DavisProfile) -> Sequence[str]:
    return [name.upper() for name in dict.fromkeys(channel.packet for channel in profile.channels)]


def _fields(name: PacketName) -> str:
    listed = ", ".join(f"`{key}` ({field.unit})" for key, field in FIELDS[name].items())
    return f"Fields of `{name}`: {listed}."


DRIVER = Driver(
    name="davis",
    summary="Davis Vantage consoles: LOOP and LOOP2 packets",
    profile=DavisProfile,
    device=Device,
    lines={"davis": Davis, "davis_tcp": DavisTcp},
    bus=DavisBus,
    asks=_asks,
    check=check,
    notes="\n\n".join(_fields(name) for name in FIELDS),
)
