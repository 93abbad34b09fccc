"""Shapes: how the readings of one kind of sample map to groups and positions, worked out once, then only followed."""

from collections.abc import Callable, Sequence
from copy import copy
from functools import lru_cache
from operator import itemgetter
from typing import Any

from siloscope_store.registry import Channel
from siloscope_store.sample_rows import PlainLayout, encode
from siloscope_store.samples import SampleTable

TABLES = (SampleTable.MEASUREMENTS, SampleTable.VITALS)
_TABLE_OF = {"measurements": 0, "vitals": 1}
EncodeInOrder = Callable[[int, Sequence[Any]], bytes]


class Part:
    """What a shape contributes to one group.

    Attributes:
        group_id: The group.
        table: Where its samples are stored, as a place in `TABLES` (an enumeration's hash is slow).
        length: How many positions its rows reach.
        whole: Its rows fill every position of the group.
        moves_latest: Its rows may become the newest of the group.
        places: Pairs of (place in the sample, position in the group), ascending by position.
        encode_in_order: Makes the row of a sample whose values are all there and good, where the sample has them in
            order of position and nothing else; None where it has not.
    """

    __slots__ = (
        "_layout",
        "_pick",
        "encode_in_order",
        "group_id",
        "length",
        "moves_latest",
        "places",
        "table",
        "whole",
    )

    def __init__(
        self, group_id: int, table: int, places: Sequence[tuple[int, int]], positions: int, sample_width: int = -1
    ) -> None:
        """
        Args:
            group_id: The group.
            table: Where its samples are stored, as a place in `TABLES`.
            places: Pairs of (place in the sample, position in the group), ascending by position.
            positions: How many positions the group has.
            sample_width: How many readings the sample has, of all its groups.
        """
        self.group_id = group_id
        self.table = table
        self.length = places[-1][1] + 1
        self.whole = [position for _, position in places] == list(range(positions))
        self.moves_latest = True
        self._layout = PlainLayout(group_id, self.length)
        self._pick = _picker(tuple(place for place, _ in places)) if len(places) == self.length else None
        self.places = _shared(tuple(places))
        # A sample whose shape has more than this part says more than its values are, so that one is never in order.
        in_order = sample_width == self.length and list(places) == [(at, at) for at in range(self.length)]
        self.encode_in_order: EncodeInOrder | None = self._layout.encode if in_order else None

    def silent(self) -> "Part":
        """Return the same for samples that are stored and never become the newest, whatever their time says."""
        found = copy(self)
        found.whole = found.moves_latest = False
        return found

    def encode(self, time_ms: int, values: list[float | None], quality: list[int], *, plain: bool) -> bytes:
        """Return the row for `values` and `quality` in the sample's own order; `plain` says all are there and good."""
        if plain and self._pick is not None:
            return self._layout.encode(time_ms, self._pick(values))
        ordered: list[float | None] = [None] * self.length
        codes: list[int | None] = [None] * self.length
        for place, position in self.places:
            ordered[position] = values[place]
            codes[position] = quality[place]
        return encode(self.group_id, time_ms, ordered, codes if any(codes) else None)


@lru_cache(maxsize=4096)
def _shared(places: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """Return the same object for equal places: thousands of devices are of one kind."""
    return places


class Shape:
    """What samples of one device with the same names and units share.

    Attributes:
        names: Channel keys.
        units: Canonical units; None for a failed reading.
        parts: Where the readings go.
        unknown: Names of failed readings that no channel is known for.
    """

    __slots__ = ("names", "parts", "units", "unknown")

    def __init__(
        self,
        names: tuple[str, ...],
        units: tuple[str | None, ...],
        parts: tuple[Part, ...],
        unknown: tuple[str, ...] = (),
    ) -> None:
        self.names = names
        self.units = units
        self.parts = parts
        self.unknown = unknown


class ChannelsMissing(Exception):
    """Readings that no channel is known for.

    Args:
        wanted: Their keys and canonical units.
    """

    def __init__(self, wanted: list[tuple[str, str]]) -> None:
        super().__init__(f"no channel for {wanted}")
        self.wanted = wanted


def shape(names: tuple[str, ...], units: tuple[str | None, ...], channels: Sequence[Channel]) -> Shape:
    """Work out where the readings of such samples go.

    A failed reading has no unit and belongs to the active channel of its name; where there is none yet, it is nobody's
    and is left out.

    Raises:
        ChannelsMissing: Some readings have no channel of their unit, or only a retired one.
    """
    active = {each.key: each for each in channels if each.active}
    missing = [
        (name, unit)
        for name, unit in zip(names, units, strict=True)
        if unit is not None and (name not in active or active[name].unit != unit)
    ]
    if missing:
        raise ChannelsMissing(missing)
    places: dict[int, list[tuple[int, int]]] = {}
    for at, name in enumerate(names):
        if name in active:
            places.setdefault(active[name].group_id, []).append((at, active[name].position))
    parts = [_part(group_id, found, channels, len(names)) for group_id, found in sorted(places.items())]
    return Shape(names, units, tuple(parts), tuple(name for name in names if name not in active))


def _part(group_id: int, places: list[tuple[int, int]], channels: Sequence[Channel], sample_width: int) -> Part:
    members = [each for each in channels if each.group_id == group_id]
    positions = max(each.position for each in members) + 1
    return Part(
        group_id, _TABLE_OF[members[0].retention_class], sorted(places, key=itemgetter(1)), positions, sample_width
    )


@lru_cache(maxsize=4096)
def _picker(places: tuple[int, ...]) -> Callable[[list[Any]], Sequence[Any]]:
    """Return what takes values in order of position, the same object for equal places."""
    if places == tuple(range(len(places))):
        return itemgetter(slice(0, len(places)))
    if len(places) == 1:
        return itemgetter(slice(places[0], places[0] + 1))
    return itemgetter(*places)
