"""What a profile of an instrument that talks in lines says: how a line is framed, and which field holds what."""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from siloscope_edge.profiles import Channel, Profile
from siloscope_process.documents import Document
from siloscope_process.expectations import Place, nearest

ChecksumKind = Literal["none", "xor", "nmea", "crc16_modbus", "crc16_modbus_low_first", "sdi12", "sum16"]


class Frame(Struct, frozen=True, forbid_unknown_fields=True):
    r"""How a line is framed: ``start``, the body, ``stop``, the checksum of the body, ``end``.

    Attributes:
        start: What stands before the body; anything before it is noise.
        stop: What stands between the body and its checksum.
        checksum: ``xor`` and ``nmea``: two hexadecimal digits; ``crc16_modbus``: four, or with their low byte first;
            ``sdi12``: three characters. All over the body alone. ``sum16``: four digits, the sum of the body and of
            what frames it (CS4 of Vaisala).
        end: What ends a line.
        separator: What stands between fields; a blank stands for any run of blanks.
    """

    start: str = ""
    stop: str = ""
    checksum: ChecksumKind = "none"
    end: Annotated[str, Meta(min_length=1)] = "\r\n"
    separator: Annotated[str, Meta(min_length=1)] = ","


class Status(Struct, frozen=True, forbid_unknown_fields=True):
    """A field in which the instrument says how it is.

    Attributes:
        field: Its number, negative ones from the end.
        good: The words with which values are good; with any other they are bad (`device_exception`).
    """

    field: int
    good: Annotated[tuple[str, ...], Meta(min_length=1)]


class Message(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of line.

    Attributes:
        name: What channels call it.
        query: What asks for it; where it is empty, or the device only listens, its next one is waited for.
        match: Patterns (regular expressions) of the fields that tell it from others, by their number from 0.
        fields: How many fields it has; a line with another number is refused.
        status: Where it says whether it is good.

    In ``query`` and ``match``, ``{address}`` stands for the device's address.
    """

    name: str
    query: str = ""
    match: dict[int, str] = msgspec.field(default_factory=dict)
    fields: Annotated[int, Meta(ge=1)] | None = None
    status: Status | None = None


class LineChannel(Channel, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A channel in a field of a line.

    Attributes:
        message: Which line; the first where only one is described.
        field: Its number, from 0, negative ones from the end; or its name where fields are ``name=value``.
        unit_field: The field that says in which unit the value is, where it does not stand right behind the value.
        units: For each word for a unit the factor to the channel's; any other word is refused. Without it a value is a
            number alone.
        missing: Words that mean that there is no value, beside an empty field.
    """

    message: str = ""
    field: int | str
    unit_field: int | None = None
    units: dict[str, float] = msgspec.field(default_factory=dict)
    missing: tuple[str, ...] = ()


class AsciiProfile(Profile, frozen=True, forbid_unknown_fields=True, tag_field="protocol", tag="ascii", kw_only=True):
    """An instrument that talks in lines of ASCII, asked or unasked.

    Attributes:
        address: What ``{address}`` stands for where the configuration says nothing.
        listening: Whether it talks unasked; the configuration can say otherwise for one device.
        frame: How its lines are framed.
        messages: The kinds of line that it says.
    """

    frame: Frame = msgspec.field(default_factory=Frame)
    address: str = ""
    listening: bool = False
    messages: Annotated[tuple[Message, ...], Meta(min_length=1)]
    channels: Annotated[tuple[LineChannel, ...], Meta(min_length=1, max_length=256)]


def check(profile: AsciiProfile, document: Document) -> None:
    """Refuse what the structs alone cannot.

    Raises:
        Misconfigured: A name, a pattern or a unit does not fit.
    """
    names = [message.name for message in profile.messages]
    for index, message in enumerate(profile.messages):
        place: Place = ("messages", index)
        if message.name in names[:index]:
            raise document.fault((*place, "name"), message.name, "each message once")
        for number, pattern in message.match.items():
            try:
                re.compile(pattern.replace("{address}", "x"))
            except re.error as error:
                raise document.fault((*place, "match"), pattern, f"a regular expression ({error})") from error
            if not 0 <= number < (message.fields or 1000):
                raise document.fault((*place, "match"), number, "the number of a field, from 0")
        if not message.query and not profile.listening:
            raise document.fault((*place, "query"), message.query, "a query, or `listening: true` for the profile")
    for index, channel in enumerate(profile.channels):
        _check_channel(channel, names, document, ("channels", index))


def _check_channel(channel: LineChannel, names: list[str], document: Document, place: Place) -> None:
    if channel.message not in names and (channel.message or len(names) > 1):
        raise document.fault((*place, "message"), channel.message, nearest(names, channel.message))
    if channel.unit_field is not None and not channel.units:
        raise document.fault((*place, "units"), list(channel.units), "the words of `unit_field` and their factors")
