"""Shapes: what the samples of one device have in common from message to message, checked once and remembered."""

from functools import lru_cache

import msgspec

from siloscope_contract.bounded import Bounded
from siloscope_contract.errors import MalformedPack
from siloscope_contract.names import EXPECTED_SLUG, is_slug
from siloscope_contract.quantities import QUANTITIES
from siloscope_contract.units import Unit, unit

DEFAULT_DEVICE = "main"
"""The device of a name that says none: ``{"n": "temperature", …}`` from a node that is its own device."""


class Shape(msgspec.Struct, frozen=True):
    """What equal lists of names and units share.

    Attributes:
        device: The device's slug.
        names: Channel keys.
        units: Canonical units; ``None`` where the reading failed.
        found: The units as they came.
        lows: Smallest possible values in the canonical units.
        highs: Largest possible values in the canonical units.
        converts: Some value changes on its way to its canonical unit.
        repeats: Some name stands twice.
    """

    device: str
    names: tuple[str, ...]
    units: tuple[str | None, ...]
    found: tuple[Unit | None, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    converts: bool
    repeats: bool


_Key = tuple[str, tuple[str, ...], tuple[str | None, ...]]

_known: Bounded[_Key, Shape | None] = Bounded(most=65_536, heaviest=500_000)
"""Each weighs as many names as it has: a message may bring tens of thousands of them."""


def shape(base: str, names: tuple[str, ...], units: tuple[str | None, ...]) -> Shape | None:
    """Return what readings of these names and units share; ``None`` where they are of several devices.

    Args:
        base: The base name that stands before each of ``names``.
        names: Names as they came.
        units: Units as they came; ``None`` where the reading failed.

    Raises:
        MalformedPack: A name is not ``<device>/<channel>``.
        UnknownUnit: A unit is in neither registry.
    """
    key = (base, names, units)
    try:
        return _known[key]
    except KeyError:
        found = _shape(base, names, units)
        _known.put(key, found, len(names))
        return found


def _shape(base: str, names: tuple[str, ...], units: tuple[str | None, ...]) -> Shape | None:
    full = [device_and_key(base + name, f"record {at + 1}, name") for at, name in enumerate(names)]
    device = full[0][0]
    if any(other != device for other, _ in full):
        return None
    found = tuple(None if symbol is None else unit(symbol, f"record {at + 1}, u") for at, symbol in enumerate(units))
    limits = [QUANTITIES[each.quantity if each else "dimensionless"] for each in found]
    keys = tuple(key for _, key in full)
    return Shape(
        device,
        keys,
        tuple(None if each is None else each.canonical for each in found),
        found,
        tuple(limit.low for limit in limits),
        tuple(limit.high for limit in limits),
        any(each is not None and each.converts for each in found),
        len(set(keys)) != len(keys),
    )


@lru_cache(maxsize=65_536)
def device_and_key(name: str, place: str) -> tuple[str, str]:
    """Return the device and the channel key of a resolved SenML name.

    Raises:
        MalformedPack: It is not ``<device>/<channel>``.
    """
    device, slash, key = name.rpartition("/")
    if not slash:
        device = DEFAULT_DEVICE
    if is_slug(device) and is_slug(key):
        return device, key
    expected = f"<device>/<channel>, each {EXPECTED_SLUG}"
    raise MalformedPack("malformed_name", place=place, found=name, expected=expected)
