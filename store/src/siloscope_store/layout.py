"""A layout file: organisations, their sites and places, and which channel stands at which spot of a place.

Reading it touches no database; `layout_apply` carries it out.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec

from siloscope_store.errors import LayoutWrong
from siloscope_store.marked_yaml import Entry, document, nearest

_SPOT = ("node", "device", "channel", "channels", "cable", "level", "spot", "since")
_PLACE = ("slug", "title", "kind", "attributes", "channels")
_SITE = ("slug", "name", "time_zone", "latitude", "longitude", "places")
_ORGANISATION = ("slug", "name", "sites")


class Spot(msgspec.Struct, frozen=True):
    """One channel at one spot; `since` None = from when the layout is applied, or ever, where it had no place yet.

    Attributes:
        at: File and line, for messages.
    """

    node: str
    device: str
    channel: str
    cable: int | None
    level: int | None
    spot: str | None
    since: datetime | None
    at: str

    @property
    def name(self) -> str:
        """The channel's name within its site."""
        return f"{self.node}/{self.device}/{self.channel}"


class Place(msgspec.Struct, frozen=True):
    """A place; `spots` is everything that stands in it."""

    slug: str
    title: str
    kind: str
    attributes: dict[str, Any]
    spots: list[Spot]


class Site(msgspec.Struct, frozen=True):
    """A site and the places that this file speaks of."""

    slug: str
    name: str
    time_zone: str
    latitude: float | None
    longitude: float | None
    places: list[Place]


class Organisation(msgspec.Struct, frozen=True):
    """An organisation and the sites that this file speaks of."""

    slug: str
    name: str
    sites: list[Site]


class Layout(msgspec.Struct, frozen=True):
    """All that one file says."""

    organisations: list[Organisation]


def read(text: str, file_name: str, time_zones: Collection[str]) -> Layout:
    """Return what a layout file says.

    Args:
        text: The file's content.
        file_name: For messages.
        time_zones: Names that a site may have as its time zone.

    Raises:
        LayoutWrong: Something is not as it should be; the message names file, line and the nearest right word.
    """
    root = document(text, file_name, "layout", ("organisations",))
    entries = _distinct(root, "organisations", "organisation", _ORGANISATION)
    if not entries:
        raise LayoutWrong(root.place, "this layout lacks 'organisations'")
    return Layout([_organisation(entry, time_zones) for entry in entries])


def _organisation(entry: Entry, time_zones: Collection[str]) -> Organisation:
    slug = entry.slug("slug")
    sites = [_site(each, time_zones) for each in _distinct(entry, "sites", "site", _SITE)]
    return Organisation(slug, entry.text("name", slug), sites)


def _site(entry: Entry, time_zones: Collection[str]) -> Site:
    slug = entry.slug("slug")
    zone = entry.text("time_zone")
    if zone not in time_zones:
        problem = f"time_zone: {zone!r} is no IANA time zone{nearest(zone, time_zones)}"
        raise LayoutWrong(entry.place_of("time_zone"), problem)
    places = [_place(each) for each in _distinct(entry, "places", "place", _PLACE)]
    _require_one_spot_each(places)
    latitude, longitude = entry.number("latitude", -90, 90), entry.number("longitude", -180, 180)
    return Site(slug, entry.text("name", slug), zone, latitude, longitude, places)


def _place(entry: Entry) -> Place:
    slug = entry.slug("slug")
    spots = [spot for each in entry.entries("channels", "channel", _SPOT) for spot in _spots(each)]
    return Place(slug, entry.text("title", slug), entry.slug("kind"), entry.mapping("attributes"), spots)


def _spots(entry: Entry) -> list[Spot]:
    """Return one spot for `channel`, or one for each of `channels`, whose levels count from `level`, or 1."""
    if entry.has("channel") == entry.has("channels"):
        raise LayoutWrong(entry.place, "expected one of 'channel: t1' and 'channels: [t1, t2]'")
    node, device = entry.slug("node"), entry.slug("device")
    cable, level, since = entry.whole("cable"), entry.whole("level"), entry.moment("since")
    spot = entry.text("spot") if entry.has("spot") else None
    if entry.has("channel"):
        return [Spot(node, device, entry.slug("channel"), cable, level, spot, since, entry.place)]
    first = 1 if level is None else level
    return [
        Spot(node, device, channel, cable, first + step, spot, since, entry.place)
        for step, channel in enumerate(entry.words("channels"))
    ]


def _distinct(parent: Entry, key: str, what: str, known: Collection[str]) -> list[Entry]:
    entries = list(parent.entries(key, what, known))
    seen: dict[str, str] = {}
    for entry in entries:
        slug = entry.slug("slug")
        if slug in seen:
            raise LayoutWrong(entry.place_of("slug"), f"the {what} {slug!r} stands already at {seen[slug]}")
        seen[slug] = entry.place_of("slug")
    return entries


def _require_one_spot_each(places: list[Place]) -> None:
    seen: dict[str, str] = {}
    for spot in (spot for place in places for spot in place.spots):
        if spot.name in seen:
            raise LayoutWrong(spot.at, f"the channel {spot.name} stands already at {seen[spot.name]}")
        seen[spot.name] = spot.at
