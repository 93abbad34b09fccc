"""Which channels a rule watches, and which alerts a route or a silence means."""

from typing import Annotated

from msgspec import Meta, Struct

from siloscope_contract.alerts.words import Severity

Names = Annotated[
    tuple[
        Annotated[str, Meta(pattern=r"^[a-z0-9*][a-z0-9_*-]{0,63}$", description="a slug; * stands for anything")], ...
    ],
    Meta(description="a list of slugs, in which * stands for anything"),
]
Tags = Annotated[dict[str, str], Meta(description="'key: value' as in the attributes of a place or device")]


class Selector(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a rule watches, of its own organisation; an empty field means any, several fields must all hold.

    Attributes:
        sites: Slugs of sites, as all that follow but the last three.
        place_kinds: `bin`, `room`, `mast`, …: channels that are placed now at a place of such a kind.
        tags: Attributes of the channel's place or, where that has none of the name, of its device.
        quantities: As the contract names them: `temperature`.
        covered: True = below the grain surface only: level at or below the place's attribute `fill_level`.
        vitals: True = what nodes say about themselves, in place of measurements.
    """

    sites: Names = ()
    nodes: Names = ()
    devices: Names = ()
    channels: Names = ()
    places: Names = ()
    place_kinds: Names = ()
    spots: Names = ()
    tags: Tags = {}
    quantities: Names = ()
    covered: bool = False
    vitals: bool = False


class Matcher(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which alerts are meant; an empty field means any, several fields must all hold.

    Attributes:
        labels: Labels of the rule, each of this value.
        select: What the alert is about lies within it: an alert of a place has no channel, and meets no `channels`.
    """

    rules: Names = ()
    severities: tuple[Severity, ...] = ()
    labels: Tags = {}
    select: Selector = Selector()
