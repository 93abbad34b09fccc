"""The catalogue as columns: what rules select by, and what belongs together."""

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from siloscope_alerting.columns import Catalogue, ChannelFacts, Flags, Int32, Int64

NOWHERE = -1
_LEAST_ALLOWANCE_S = 60.0
_LEAST_QUIET_S = 120.0


class Codes:
    """A column of few different values: each value once, and for each row which one it has."""

    def __init__(self, values: Sequence[Hashable]) -> None:
        numbers: dict[Hashable, int] = {}
        self.of_row: Int32 = np.fromiter(
            (numbers.setdefault(value, len(numbers)) for value in values), np.int32, len(values)
        )
        self.values = tuple(numbers)

    def where(self, holds: Callable[[Hashable], bool]) -> Flags:
        """Return the rows whose value a predicate holds for; it is asked once a value."""
        wanted = np.fromiter((holds(value) for value in self.values), np.bool_, len(self.values))
        return wanted[self.of_row] if len(self.values) else np.zeros(len(self.of_row), np.bool_)


class Table:
    """The channels, row by row.

    Attributes:
        place_id: NOWHERE where it has none.
        interval_ms: 0 where it is unknown.
        quiet_ms: What has not come for longer is absent; 0 = never.
        delivery_ms: How old the newest may be of one that delivers late by nature; 0 for others.
        block: Rows that conditions compare with each other have one number: of a place, else of a device.
        neighbours: Rows of one place, level and quantity have one number; NOWHERE without a place.
        place_quantity: Rows of one place and quantity have one number; NOWHERE without a place.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        channels = catalogue.channels
        self.channels = channels
        self.names = catalogue.names
        self.channel_id = _ids(channels, lambda each: each.channel_id)
        self.org_id = _ids(channels, lambda each: each.org_id)
        self.site_id = _ids(channels, lambda each: each.site_id)
        self.node_id = _ids(channels, lambda each: each.node_id)
        self.place_id = _ids(channels, lambda each: NOWHERE if each.place_id is None else each.place_id)
        self.level = _ids(channels, lambda each: NOWHERE if each.level is None else each.level)
        self.fill_level = np.array(
            [np.inf if each.fill_level is None else each.fill_level for each in channels], np.float64
        )
        self.vitals = np.array([each.vitals for each in channels], np.bool_)
        self.interval_ms = _milliseconds(channels, lambda each: each.interval_s or 0.0)
        self.allowance_ms = _milliseconds(channels, lambda each: each.allowance_s)
        self.quiet_ms = _milliseconds(channels, quiet_s)
        self.delivery_ms = _milliseconds(channels, delivery_s)
        self.row_of = {int(channel_id): row for row, channel_id in enumerate(self.channel_id)}
        self._codes: dict[str, Codes] = {}
        self.block = self._together(lambda each: each.place_id or ("device", each.device_id), lambda _: True)
        self.neighbours = self._together(lambda each: (each.place_id, each.level, each.quantity), _placed)
        self.place_quantity = self._together(lambda each: (each.place_id, each.quantity), _placed)

    def __len__(self) -> int:
        return len(self.channels)

    def codes(self, field: str) -> Codes:
        """Return a text column: `site`, `node`, `device`, `key`, `place`, `place_kind`, `spot`, `quantity`."""
        if field not in self._codes:
            self._codes[field] = Codes([getattr(each, field) for each in self.channels])
        return self._codes[field]

    def tag_codes(self) -> Codes:
        """Return the tags of each row as a frozen set of pairs."""
        if "tags" not in self._codes:
            self._codes["tags"] = Codes([frozenset(each.tags.items()) for each in self.channels])
        return self._codes["tags"]

    def _together(self, key: Callable[[ChannelFacts], Hashable], counts: Callable[[ChannelFacts], bool]) -> Int32:
        of_row = Codes([key(each) for each in self.channels]).of_row
        apart = np.fromiter((not counts(each) for each in self.channels), np.bool_, len(self.channels))
        of_row[apart] = NOWHERE
        return of_row


def quiet_s(channel: ChannelFacts) -> float:
    """Return how long a channel may be silent before what it said no longer counts; 0 = for ever.

    Three intervals, at least two minutes; a channel that may deliver later than others is waited for.
    """
    if channel.interval_s is None:
        return 0.0
    return max(3.0 * channel.interval_s, _LEAST_QUIET_S, delivery_s(channel))


def delivery_s(channel: ChannelFacts) -> float:
    """Return how old the newest reading of a channel may be whose node delivers late by nature; 0 where it does not."""
    interval_s = channel.interval_s or 0.0
    usual_s = max(2.0 * interval_s, _LEAST_ALLOWANCE_S)
    return channel.allowance_s + interval_s if channel.allowance_s > usual_s else 0.0


def _placed(channel: ChannelFacts) -> bool:
    return channel.place_id is not None


def _ids(channels: Sequence[ChannelFacts], read: Callable[[ChannelFacts], int]) -> Int32:
    return np.fromiter((read(each) for each in channels), np.int32, len(channels))


def _milliseconds(channels: Sequence[ChannelFacts], read: Callable[[ChannelFacts], float]) -> Int64:
    return np.fromiter((round(read(each) * 1000) for each in channels), np.int64, len(channels))
