"""What a profile of a Vaisala transmitter says: which query brings which field."""

from typing import Annotated

from msgspec import Meta

from siloscope_edge.profiles import Channel, Profile


class FieldChannel(Channel, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A channel in a field of a line.

    Attributes:
        query: What brings the line: ``r1`` wind, ``r2`` pressure, temperature and humidity, ``r3`` rain, ``r5``
            supervisor, ``r0`` composite.
        field: The name of the value in it, such as ``Ta``; its unit is that of SI, or hPa.
    """

    query: Annotated[str, Meta(pattern=r"^[rR][0-5]$")]
    field: Annotated[str, Meta(pattern=r"^[A-Z][a-z]$")]


class WxtProfile(Profile, frozen=True, forbid_unknown_fields=True, tag_field="protocol", tag="wxt", kw_only=True):
    """A Vaisala weather transmitter in its ASCII protocol, polled, with checksums."""

    channels: Annotated[tuple[FieldChannel, ...], Meta(min_length=1, max_length=256)]
