"""Where the page listens, and who may ask."""

import ipaddress
from typing import Annotated

from msgspec import Meta, Struct

Address = Annotated[str, Meta(min_length=2, max_length=45)]


class PageSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The local page.

    Attributes:
        enabled: Whether there is one.
        listen: Address of this machine: ``127.0.0.1`` for this machine alone, that of one network, or ``0.0.0.0``.
        port: Its port; 0: any free one.
        allow: Networks whose addresses may ask beside private ones, ``203.0.113.0/24``.
        names: Names beside the machine's own by which browsers may ask for it, ``yard-pi.lan``.
        history_bytes: Memory for the charts: the more channels share it, the coarser they are; 0: no charts.
    """

    enabled: bool = True
    listen: Address = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8180
    allow: tuple[Address, ...] = ()
    names: tuple[Annotated[str, Meta(pattern=r"^[A-Za-z0-9.-]{1,253}$")], ...] = ()
    history_bytes: Annotated[int, Meta(ge=0, le=256 * 1024**2)] = 6 * 1024**2

    def wrong(self) -> tuple[tuple[str | int, ...], str, str] | None:
        """Return place, found and expected of what cannot be meant; None where all can."""
        try:
            ipaddress.ip_address(self.listen)
        except ValueError:
            return ("listen",), self.listen, "an address of this machine: 127.0.0.1, 0.0.0.0, ::"
        for at, network in enumerate(self.allow):
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                return ("allow", at), network, f"a network as 203.0.113.0/24 ({error})"
        return None
