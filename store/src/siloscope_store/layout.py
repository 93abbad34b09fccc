"""A layout file: organisations, their sites and places, and which channel stands at which spot of a place.

Reading it touches no database; `layout_apply` carries it out.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from siloscope_contract.errors import ContractError
from siloscope_contract.names import slug
from siloscope_process.documents import Document
from siloscope_process.expectations import Place as Path_
from siloscope_process.expectations import suggestion
from siloscope_store import layout_file
from siloscope_store.errors import LayoutWrong

T = TypeVar("T")


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
    document = Document(text, Path(file_name), layout_file.refused)
    written = document.convert(layout_file.LayoutEntry, numbers_as_text=True)
    if not written.organisations:
        raise LayoutWrong(_at(document, ()), "this layout lacks 'organisations'")
    return _Reading(document, time_zones).layout(written)


class _Reading:
    """One file on its way to a layout; each path says where in the file an entry stands."""

    def __init__(self, document: Document, time_zones: Collection[str]) -> None:
        self._document = document
        self._time_zones = time_zones

    def layout(self, entry: layout_file.LayoutEntry) -> Layout:
        path = ("organisations",)
        self._require_distinct(entry.organisations, path, "organisation")
        return Layout([self._organisation(each, (*path, at)) for at, each in enumerate(entry.organisations)])

    def _organisation(self, entry: layout_file.OrganisationEntry, path: Path_) -> Organisation:
        name = self._slug(entry.slug, (*path, "slug"))
        self._require_distinct(entry.sites, (*path, "sites"), "site")
        sites = [self._site(each, (*path, "sites", at)) for at, each in enumerate(entry.sites)]
        return Organisation(name, entry.name or name, sites)

    def _site(self, entry: layout_file.SiteEntry, path: Path_) -> Site:
        name, zone = self._slug(entry.slug, (*path, "slug")), entry.time_zone
        if zone not in self._time_zones:
            problem = f"time_zone: {zone!r} is no IANA time zone{suggestion(self._time_zones, zone)}"
            raise self._wrong((*path, "time_zone"), problem)
        self._require_distinct(entry.places, (*path, "places"), "place")
        places = [self._place(each, (*path, "places", at)) for at, each in enumerate(entry.places)]
        _require_one_spot_each(places)
        return Site(name, entry.name or name, zone, _given(entry.latitude), _given(entry.longitude), places)

    def _place(self, entry: layout_file.PlaceEntry, path: Path_) -> Place:
        name = self._slug(entry.slug, (*path, "slug"))
        entries = enumerate(entry.channels)
        spots = [spot for at, each in entries for spot in self._spots(each, (*path, "channels", at))]
        kind = self._slug(entry.kind, (*path, "kind"))
        return Place(name, entry.title or name, kind, {str(key): each for key, each in entry.attributes.items()}, spots)

    def _spots(self, entry: layout_file.ChannelEntry, path: Path_) -> list[Spot]:
        """Return one spot for `channel`, or one for each of `channels`, whose levels count from `level`, or 1."""
        if (entry.channel is UNSET) == (entry.channels is UNSET):
            raise self._wrong(path, "expected one of 'channel: t1' and 'channels: [t1, t2]'")
        node, device = self._slug(entry.node, (*path, "node")), self._slug(entry.device, (*path, "device"))
        cable, level = self._whole(entry.cable, (*path, "cable")), self._whole(entry.level, (*path, "level"))
        spot, since, here = _given(entry.spot), _given(entry.since), _at(self._document, path)
        if not isinstance(entry.channel, UnsetType):
            channel = self._slug(entry.channel, (*path, "channel"))
            return [Spot(node, device, channel, cable, level, spot, since, here)]
        first = 1 if level is None else level
        channels = [self._slug(each, (*path, "channels", at)) for at, each in enumerate(_given(entry.channels) or ())]
        return [
            Spot(node, device, channel, cable, first + step, spot, since, here) for step, channel in enumerate(channels)
        ]

    def _slug(self, text: str, path: Path_) -> str:
        try:
            return slug(text, str(path[-1]))
        except ContractError as error:
            raise self._wrong(path, str(error)) from None

    def _whole(self, number: float | UnsetType, path: Path_) -> int | None:
        if isinstance(number, UnsetType):
            return None
        if not number.is_integer():
            raise self._wrong(path, f"{path[-1]}: expected a whole number, found {number:g}")
        return int(number)

    def _require_distinct(self, entries: Iterable[layout_file.NamedEntry], path: Path_, what: str) -> None:
        seen: dict[str, str] = {}
        for at, entry in enumerate(entries):
            here: Path_ = (*path, at, "slug")
            if entry.slug in seen:
                raise self._wrong(here, f"the {what} {entry.slug!r} stands already at {seen[entry.slug]}")
            seen[entry.slug] = _at(self._document, here)

    def _wrong(self, path: Path_, problem: str) -> LayoutWrong:
        return LayoutWrong(_at(self._document, path), problem)


def _at(document: Document, path: Path_) -> str:
    return layout_file.where(document.file, document.line(path))


def _given(value: T | UnsetType) -> T | None:
    return None if isinstance(value, UnsetType) else value


def _require_one_spot_each(places: list[Place]) -> None:
    seen: dict[str, str] = {}
    for spot in (spot for place in places for spot in place.spots):
        if spot.name in seen:
            raise LayoutWrong(spot.at, f"the channel {spot.name} stands already at {seen[spot.name]}")
        seen[spot.name] = spot.at
