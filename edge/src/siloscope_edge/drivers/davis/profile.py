"""What a profile of a Davis Vantage says: which packet brings which field."""

from typing import Annotated

from msgspec import Meta

from siloscope_edge.drivers.davis.packets import FIELDS, PacketName
from siloscope_edge.profiles import Channel, Profile
from siloscope_process.documents import Document
from siloscope_process.expectations import nearest


class PacketChannel(Channel, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A channel in a packet.

    Attributes:
        packet: ``loop``, which every console knows, or ``loop2`` (firmware 1.90 and newer).
        field: Which value of it; its unit is that of the driver's list, ``scale`` and ``offset`` begin from there.
    """

    packet: PacketName
    field: str


class DavisProfile(Profile, frozen=True, forbid_unknown_fields=True, tag_field="protocol", tag="davis", kw_only=True):
    """A console of the Vantage family."""

    channels: Annotated[tuple[PacketChannel, ...], Meta(min_length=1, max_length=256)]


def check(profile: DavisProfile, document: Document) -> None:
    """Refuse a field that its packet does not have.

    Raises:
        Misconfigured: There is one.
    """
    for index, channel in enumerate(profile.channels):
        known = FIELDS[channel.packet]
        if channel.field not in known:
            raise document.fault(("channels", index, "field"), channel.field, nearest(known, channel.field))
