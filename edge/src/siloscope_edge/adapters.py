"""USB serial adapters: found again by what they are when they come back under another name.

A port is named by a path or by its adapter: ``usb:0403:6001:A50285BI`` (vendor, product, and its serial number where
two of a kind are plugged in). An adapter without a serial number is known by the socket that it is plugged into.
"""

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from serial.tools import list_ports

from siloscope_edge.errors import PortUnavailable

USB = "usb:"


class ListedPort(Protocol):
    """What pyserial knows of a port."""

    device: str
    vid: int | None
    pid: int | None
    serial_number: str | None
    location: str | None


Listing = Callable[[], Sequence[ListedPort]]
"""Lists this computer's ports."""


class Adapter(NamedTuple):
    """What an adapter is, whatever its name.

    Attributes:
        kind: Vendor and product, ``0403:6001``.
        serial: Its serial number; cheap ones have none, or all the same.
        socket: Where it is plugged in, ``1-1.4``.
    """

    kind: str
    serial: str
    socket: str

    def is_same(self, other: "Adapter") -> bool:
        """Whether the other is this one."""
        if self.kind != other.kind or self.serial != other.serial:
            return False
        return bool(self.serial) or self.socket == other.socket


class PortFinder:
    """Finds the device file of a port.

    Args:
        port: As it is configured.
        listing: Lists this computer's ports.
    """

    def __init__(self, port: str, listing: Listing = list_ports.comports) -> None:
        self._port = port
        self._listing = listing
        self._adapter: Adapter | None = None

    def path(self) -> str:
        """Return the path to open now.

        Raises:
            PortUnavailable: Its adapter is not there; or its name belongs to another adapter now, whose devices must
                not be taken for those of this bus.
        """
        adapters = {os.path.realpath(each.device): (each.device, _adapter(each)) for each in self._listing()}
        if self._port.startswith(USB):
            return self._named(list(adapters.values()))
        _, here = adapters.get(os.path.realpath(self._port), ("", None))
        if self._adapter is None:
            self._adapter = here
        if self._adapter is None or (here is not None and here.is_same(self._adapter)):
            return self._port
        for path, adapter in adapters.values():
            if adapter is not None and adapter.is_same(self._adapter):
                return path
        if here is not None:
            raise PortUnavailable(f"{self._port}: another USB adapter has this name now")
        return self._port

    def _named(self, adapters: Sequence[tuple[str, Adapter | None]]) -> str:
        wanted = self._port.removeprefix(USB).split(":", 2)
        kind, serial = ":".join(wanted[:2]).lower(), wanted[2] if len(wanted) > 2 else None
        found = [
            path
            for path, adapter in adapters
            if adapter is not None and adapter.kind == kind and serial in (None, adapter.serial)
        ]
        if len(found) != 1:
            many = f"{len(found)} such adapters ({', '.join(found)})" if found else "no such adapter"
            raise PortUnavailable(f"{self._port}: found {many}, expected one")
        return found[0]


def _adapter(info: ListedPort) -> Adapter | None:
    """Return what a listed port is, where it is a USB adapter."""
    if info.vid is None or info.pid is None:
        return None
    return Adapter(f"{info.vid:04x}:{info.pid:04x}", info.serial_number or "", info.location or "")
