"""The catalogue as columns: what rules select by, and what belongs together."""

import re
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property

import numpy as np

from siloscope_alerting.columns import Catalogue, Flags, Float, Int32, Int64

NOWHERE = -1
_LEAST_ALLOWANCE_S = 60.0
_LEAST_QUIET_S = 120.0


def pattern_of(name: str) -> str:
    """Return a name, in which * stands for anything but a line's end, as a regular expression.

    What stands between two stars is looked for once, where it comes first: a dozen of `.*` would take minutes.
    """
    first, *others = name.split("*")
    if not others:
        return re.escape(first)
    between = "".join(f"(?>.*?{re.escape(each)})" for each in others[:-1] if each)
    return f"{re.escape(first)}{between}.*{re.escape(others[-1])}"


class Codes:
    """A column of few different values: each value once, and for each row which one it has."""

    def __init__(self, values: Sequence[Hashable]) -> None:
        self._numbers: dict[Hashable, int] = {}
        numbers = self._numbers
        self.of_row: Int32 = np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int32)
        self.values = tuple(numbers)

    def where(self, holds: Callable[[Hashable], bool]) -> Flags:
        """Return the rows whose value a predicate holds for; it is asked once a value."""
        return self._rows(np.fromiter((holds(value) for value in self.values), np.bool_, len(self.values)))

    def named(self, names: Sequence[str]) -> Flags:
        """Return the rows whose value is one of these names, in which * stands for anything but a line's end."""
        wanted = np.zeros(len(self.values), np.bool_)
        for name in names:
            if name in self._numbers:
                wanted[self._numbers[name]] = True
        numbers, begins, text = self._lines
        wild = [name for name in names if "*" in name]
        if wild and len(numbers):
            pattern = "|".join(pattern_of(name) for name in wild)
            found = [each.start() for each in re.finditer(f"^(?:{pattern})$", text, re.MULTILINE)]
            wanted[numbers[np.searchsorted(begins, np.array(found, np.int64))]] = True
        return self._rows(wanted)

    def _rows(self, wanted: Flags) -> Flags:
        return wanted[self.of_row] if len(self.values) else np.zeros(len(self.of_row), np.bool_)

    @cached_property
    def _lines(self) -> tuple[Int32, Int64, str]:
        """The texts of one line among the values: which they are, where each begins, and all of them, a line each."""
        at = [number for number, value in enumerate(self.values) if isinstance(value, str) and "\n" not in value]
        texts = [str(self.values[number]) for number in at]
        lengths = np.array([len(each) + 1 for each in texts], np.int64)
        return np.array(at, np.int32), np.cumsum(lengths) - lengths, "\n".join(texts)


def table_of(catalogue: Catalogue) -> "Table":
    """Return a catalogue's columns, which are made once."""
    found = catalogue.made.get("table")
    if not isinstance(found, Table):
        found = catalogue.made["table"] = Table(catalogue)
    return found


class Table:
    """The channels, row by row.

    Attributes:
        place_id: NOWHERE where it has none.
        interval_ms: 0 where it is unknown.
        quiet_ms: What has not come for longer is absent: three intervals, at least two minutes, and as long as one that
            delivers late by nature may take; 0 = never.
        delivery_ms: How old the newest may be of one that delivers late by nature; 0 for others.
        block: Rows that conditions compare with each other have one number: of a place, else of a device.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        channels = catalogue.channels
        self.channels = channels
        self.names = catalogue.names
        self.channel_id = np.array([each.channel_id for each in channels], np.int32)
        self.org_id = np.array([each.org_id for each in channels], np.int32)
        self.site_id = np.array([each.site_id for each in channels], np.int32)
        self.node_id = np.array([each.node_id for each in channels], np.int32)
        self.device_id = np.array([each.device_id for each in channels], np.int32)
        self.place_id = np.array([NOWHERE if each.place_id is None else each.place_id for each in channels], np.int32)
        self.level = np.array([NOWHERE if each.level is None else each.level for each in channels], np.int32)
        self.fill_level = np.array(
            [np.inf if each.fill_level is None else each.fill_level for each in channels], np.float64
        )
        self.vitals = np.array([each.vitals for each in channels], np.bool_)
        interval_s = np.array([each.interval_s or 0.0 for each in channels], np.float64)
        allowance_s = np.array([each.allowance_s for each in channels], np.float64)
        self.interval_ms, self.allowance_ms = _milliseconds(interval_s), _milliseconds(allowance_s)
        waited_s = _waited_s(interval_s, allowance_s)
        self.delivery_ms = _milliseconds(waited_s)
        quiet_s = np.maximum(np.maximum(3.0 * interval_s, _LEAST_QUIET_S), waited_s)
        known = np.array([each.interval_s is not None for each in channels], np.bool_)
        self.quiet_ms = _milliseconds(np.where(known, quiet_s, 0.0))
        self._codes: dict[str, Codes] = {}
        self.block = _numbered(np.where(self.place_id == NOWHERE, -1 - self.device_id.astype(np.int64), self.place_id))

    @cached_property
    def row_of(self) -> dict[int, int]:
        """The row of each channel, by its id."""
        return {int(channel_id): row for row, channel_id in enumerate(self.channel_id)}

    @cached_property
    def neighbours(self) -> Int32:
        """Rows of one place, level and quantity have one number; NOWHERE without a place."""
        level = _numbered(self.level.astype(np.int64))
        return self._at_one_place(self.place_quantity.astype(np.int64) * (int(level.max(initial=0)) + 1) + level)

    @cached_property
    def place_quantity(self) -> Int32:
        """Rows of one place and quantity have one number; NOWHERE without a place."""
        quantity = self.codes("quantity")
        return self._at_one_place(self.place_id.astype(np.int64) * (len(quantity.values) + 1) + quantity.of_row)

    def _at_one_place(self, key: Int64) -> Int32:
        found = np.full(len(key), NOWHERE, np.int32)
        placed = self.place_id != NOWHERE
        found[placed] = _numbered(key[placed])
        return found

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


def _waited_s(interval_s: Float, allowance_s: Float) -> Float:
    """Return how old the newest reading of channels may be that deliver late by nature; 0 of others."""
    usual_s = np.maximum(2.0 * interval_s, _LEAST_ALLOWANCE_S)
    return np.where(allowance_s > usual_s, allowance_s + interval_s, 0.0)


def _milliseconds(seconds: Float) -> Int64:
    return np.rint(seconds * 1000).astype(np.int64)


def _numbered(keys: Int64) -> Int32:
    """Return small numbers in place of keys, the same for the same."""
    return np.unique(keys, return_inverse=True)[1].astype(np.int32)
