"""The words of a layout file, and how a fault in one is told."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from siloscope_process.documents import Fault
from siloscope_process.expectations import suggestion
from siloscope_store.errors import LayoutWrong

_LIST = Meta(description="a list")
Text = Annotated[str, Meta(pattern=r"\S", description="a text, in quotes if need be")]
Count = Annotated[float, Meta(ge=0, le=2**31 - 1, description=f"a number from 0 to {2**31 - 1:g}")]
Moment = Annotated[datetime, Meta(tz=True, description="a time with its offset, such as 2026-01-31T06:00:00Z")]
Latitude = Annotated[float, Meta(ge=-90, le=90, description="a number from -90 to 90")]
Longitude = Annotated[float, Meta(ge=-180, le=180, description="a number from -180 to 180")]


class ChannelEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One channel, or several of a device, of which each stands a level above the one before."""

    node: Text
    device: Text
    channel: Text | UnsetType = UNSET
    channels: Annotated[list[Text], _LIST] | UnsetType = UNSET
    cable: Count | UnsetType = UNSET
    level: Count | UnsetType = UNSET
    spot: Text | UnsetType = UNSET
    since: Moment | UnsetType = UNSET


class NamedEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has a name of its own."""

    slug: Text


class PlaceEntry(NamedEntry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place; its title is its slug unless it has one."""

    title: Text = ""
    kind: Text
    attributes: Annotated[dict[str | int, Any], Meta(description="'key: value'")] = {}
    channels: Annotated[list[ChannelEntry], _LIST] = []


class SiteEntry(NamedEntry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A site; its name is its slug unless it has one."""

    name: Text = ""
    time_zone: Text
    latitude: Latitude | UnsetType = UNSET
    longitude: Longitude | UnsetType = UNSET
    places: Annotated[list[PlaceEntry], _LIST] = []


class OrganisationEntry(NamedEntry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An organisation; its name is its slug unless it has one."""

    name: Text = ""
    sites: Annotated[list[SiteEntry], _LIST] = []


class LayoutEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    organisations: Annotated[list[OrganisationEntry], _LIST] = []


def refused(fault: Fault) -> LayoutWrong:
    """Return the error for a fault."""
    return LayoutWrong(where(fault.file, fault.line), _told(fault))


def where(file: Path, line: int | None) -> str:
    """Return a place as editors and compilers write it: `farm.yaml:7`."""
    return f"{file}:{line}" if line else str(file)


def _told(fault: Fault) -> str:
    what = _what(fault)
    name = fault.path[-1] if fault.path else ""
    match fault.problem:
        case "not_yaml":
            return f"no YAML: {fault.found}"
        case "empty":
            return "the file is empty"
        case "twice":
            return f"{name!r} stands twice in this {what}"
        case "unknown":
            near = suggestion(fault.words, str(name)) or f"; there are {', '.join(sorted(fault.words))}"
            return f"a {what} has no {name!r}{near}"
        case "missing":
            return f"this {what} lacks {name!r}"
        case "unreadable" | "wrong":
            if fault.expected == "`object`":
                return f"expected a {what} of the form 'key: value', found {fault.found}"
            place = name if isinstance(name, str) and name else fault.place
            return f"{place}: expected {fault.expected}, found {fault.found}"


def _what(fault: Fault) -> str:
    """Return what kind of entry a fault is in: the singular of the last list on its path."""
    lists = [step for step, index in zip(fault.path, fault.path[1:], strict=False) if isinstance(index, int)]
    return str(lists[-1]).removesuffix("s") if lists else "layout"
