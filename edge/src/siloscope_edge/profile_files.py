"""Reading profile files: a typo is refused with file, line and the nearest right word."""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from siloscope_contract.errors import ContractError
from siloscope_contract.names import slug
from siloscope_contract.quantities import quantity
from siloscope_edge import driver_registry
from siloscope_edge.driver import Driver
from siloscope_edge.errors import DriverUnusable, Misconfigured
from siloscope_edge.profiles import Channel, Option, Profile
from siloscope_process.documents import Document
from siloscope_process.expectations import Place, nearest

EVERY_CHANNEL = "all"
WHOLE_PROFILE = "profile"


def read(file: Path, chosen: Mapping[str, str] | None = None) -> Profile:
    """Read one profile.

    A ``defaults`` mapping stands for what all channels have in common.

    Args:
        file: Where it is.
        chosen: Which choice of its options holds; the default where nothing is said.

    Raises:
        Misconfigured: Something in it cannot be meant.
        KeyError: It has no such option or choice.
    """
    document = Document.read(file, Misconfigured)
    driver = driver_of(document)
    _spread_defaults(document)
    options = _options(document)
    for name, option in options.items():
        _apply(document, option, (chosen or {}).get(name, option.default))
    if unknown := set(chosen or {}) - set(options):
        raise KeyError(*unknown)
    profile = document.convert(driver.profile)
    _check(profile, document)
    driver.check(profile, document)
    return profile


def driver_of(document: Document) -> Driver:
    """Return the driver that a profile's ``protocol`` names.

    Raises:
        Misconfigured: None has that name, or it cannot be loaded.
    """
    if not isinstance(document.data, dict):
        raise document.fault((), document.data, "an object")
    name = document.data.get("protocol")
    if name not in driver_registry.names():
        found = "nothing" if name is None else name
        raise document.fault(("protocol",), found, nearest(driver_registry.names(), str(name)))
    try:
        return driver_registry.driver(name)
    except DriverUnusable as error:
        raise document.fault(("protocol",), name, f"a driver that can be loaded: {error}") from error


def catalogue(directories: Iterable[Path] = ()) -> Mapping[str, Path]:
    """Return the files of the shipped profiles and of those in ``directories``; a later one replaces an earlier."""
    return {file.stem: file for directory in (shipped_directory(), *directories) for file in directory.glob("*.yaml")}


def shipped_directory() -> Path:
    """Return where the profiles are that come with the agent."""
    return Path(str(files("siloscope_edge") / "shipped"))


def _spread_defaults(document: Document) -> None:
    if "defaults" not in document.data:
        return
    defaults = document.data.pop("defaults")
    channels = document.data.get("channels")
    if not isinstance(defaults, dict):
        raise document.fault(("defaults",), defaults, "a mapping of channel fields")
    if isinstance(channels, list):
        document.data["channels"] = [
            {**defaults, **channel} if isinstance(channel, dict) else channel for channel in channels
        ]


def _options(document: Document) -> dict[str, Option]:
    if "options" not in document.data:
        return {}
    keys = [EVERY_CHANNEL, WHOLE_PROFILE, *(str(each.get("key")) for each in _channels(document))]
    options = {}
    for name in document.convert(dict[str, dict[str, Any]], at=("options",)):
        options[name] = option = document.convert(Option, at=("options", name))
        if option.default not in option.choices:
            raise document.fault(("options", name, "default"), option.default, nearest(option.choices, option.default))
        for choice, changes in option.choices.items():
            for key in changes:
                if key not in keys:
                    raise document.fault(("options", name, "choices", choice, key), key, nearest(keys, key))
    return options


def _channels(document: Document) -> list[dict[str, Any]]:
    listed = document.data.get("channels")
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _apply(document: Document, option: Option, choice: str) -> None:
    for key, changes in option.choices[choice].items():
        if key == WHOLE_PROFILE:
            document.data.update(changes)
        for channel in _channels(document):
            if key in (EVERY_CHANNEL, channel.get("key")):
                channel.update(changes)


def _check(profile: Profile, document: Document) -> None:
    if profile.profile != document.file.stem:
        raise document.fault(("profile",), profile.profile, f"{document.file.stem!r}, the file's name")
    seen = set[str]()
    for index, channel in enumerate(profile.channels):
        place = ("channels", index)
        _check_channel(channel, document, place)
        if channel.key in seen:
            raise document.fault((*place, "key"), channel.key, "each key once")
        seen.add(channel.key)
        for needs, told, name in (
            ("deadband", profile.heartbeat_s, "heartbeat_s"),
            ("lively_change", profile.fast, "fast"),
        ):
            if getattr(channel, needs) is not None and told is None:
                expected = f"{name!r} in the profile with it: without, it does nothing"
                raise document.fault((*place, needs), getattr(channel, needs), expected)


def _check_channel(channel: Channel, document: Document, place: Place) -> None:
    try:
        slug(channel.key, "key")
    except ContractError as error:
        raise document.fault((*place, "key"), channel.key, error.expected) from error
    try:
        right = quantity(channel.quantity)
    except ContractError as error:
        raise document.fault((*place, "quantity"), channel.quantity, error.expected) from error
    if channel.unit != right.unit:
        raise document.fault((*place, "unit"), channel.unit, f"{right.unit!r}, the unit of {right.name}")
    if channel.valid is not None and not right.low <= channel.valid[0] < channel.valid[1] <= right.high:
        expected = f"low before high, within {right.low:g} to {right.high:g} {right.unit}"
        raise document.fault((*place, "valid"), list(channel.valid), expected)
    if channel.scale == 0:
        raise document.fault((*place, "scale"), 0, "anything but 0")
    if channel.loop is not None and channel.loop.at_4_ma == channel.loop.at_20_ma:
        raise document.fault((*place, "loop"), channel.loop.at_4_ma, "two ends that differ")
