"""Messages sent to ingest twice: by all its fast ways, recipes first, which compiled code follows, and by none of them.

Both must make the same of each message, to the byte: rows, stream, number, readings, and whatever is odd about it. A
registry stands behind both that learns every channel it is asked for; of a name that comes with another unit it retires
the old channel, as the true one does.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from siloscope_contract import templates
from siloscope_contract.packs import Sample
from siloscope_contract.topics import NodeName
from siloscope_contract.units import UNITS
from siloscope_ingest.births_awaited import BirthsAwaited
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.entries import Entry, Row
from siloscope_ingest.errors import BirthAwaited
from siloscope_ingest.far_weeks import Allowance, FarWeeks
from siloscope_ingest.nodes import KnownNode
from siloscope_ingest.recipes import Read, RecipeBook
from siloscope_ingest.redeliveries import RelativeMessages
from siloscope_ingest.resolving import Resolver, ShapeMissing, WeekUnknown
from siloscope_ingest.shapes import Shape, shape
from siloscope_ingest.window import TimeWindow
from siloscope_store.registry import Channel, Node

RECEIVED_MS = 1_790_000_000_000
_QUANTITY_OF = {unit.symbol: unit.quantity for unit in UNITS.values()}
_ALIKE = (
    "stream",
    "seq",
    "node_id",
    "org_id",
    "completes",
    "is_exception",
    "readings",
    "ahead_ms",
    "relative",
    "undated",
    "gaps",
    "evicted",
    "quarantined",
    "refused",
)


class _Line:
    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Nobody waits for it."""


class CountingBook(RecipeBook):
    """The recipes; `taken` messages went by them."""

    def __init__(self, heaviest: int = 2**25) -> None:
        super().__init__(heaviest)
        self.taken = 0

    def read(self, node: KnownNode, document: bytes, natural_ms: tuple[int, int]) -> Read | None:
        found = super().read(node, document, natural_ms)
        self.taken += found is not None
        return found


class NoRecipes(RecipeBook):
    """A book that nothing is ever written into."""

    def learn(self, node: KnownNode, document: bytes, samples: Sequence[Sample], rows: Sequence[Row]) -> None:
        pass


class Channels:
    """All channels, with groups by device and by the first letter of a key: those that begin with a v are vitals."""

    def __init__(self) -> None:
        self._of: dict[str, list[Channel]] = {}
        self._groups: dict[tuple[str, str], int] = {}
        self._count = 0

    def shape(self, sample: Sample) -> tuple[Shape, bool]:
        """Return where a sample's readings go, and whether channels have changed for it."""
        channels = self._of.setdefault(sample.device, [])
        before = list(channels)
        for key, unit in zip(sample.names, sample.units, strict=True):
            active = next((each for each in channels if each.key == key and each.active), None)
            if unit is None or (active is not None and active.unit == unit):
                continue
            if active is not None:
                channels[channels.index(active)] = replace(active, active=False)
            channels.append(self._channel(sample.device, key, unit, channels))
        return shape(sample.names, sample.units, channels), channels != before

    def _channel(self, device: str, key: str, unit: str, channels: list[Channel]) -> Channel:
        kind = "vitals" if key.startswith("v") else "measurements"
        group_id = self._groups.setdefault((device, kind), len(self._groups) + 1)
        self._count += 1
        position = sum(each.group_id == group_id for each in channels)
        return Channel(self._count, key, _QUANTITY_OF[unit], unit, group_id, "main", kind, position, True)


class BothWays:
    """The two ways of one node.

    Args:
        heaviest: So many bytes its recipes may take.
    """

    def __init__(self, heaviest: int = 2**25) -> None:
        self.book = CountingBook(heaviest)
        self._channels = Channels()
        self._resolvers = _resolver(self.book), _resolver(NoRecipes())
        self.nodes = _node(), _node()

    def resolve(self, payload: bytes, received_ms: int = RECEIVED_MS, *, retained: bool = False) -> Entry | None:
        """Return what becomes of a message, None where it waits for something.

        Raises:
            AssertionError: The two ways disagree.
        """
        delivery = Delivery("silo/v1/demo/farm/node/data", payload, received_ms, 1, _Line(), retained=retained)
        with patch.object(templates, "read", _fitting_none):
            plainly = self._outcome(1, delivery)
        quickly = self._outcome(0, delivery)
        assert _said(quickly) == _said(plainly), payload
        return quickly if isinstance(quickly, Entry) else None

    def forget(self) -> None:
        """Do what ingest does when channels have changed."""
        for node in self.nodes:
            node.forget()

    def _outcome(self, way: int, delivery: Delivery) -> Entry | tuple[str, object]:
        changed_for = set()
        while True:
            try:
                return self._resolvers[way].resolve(self.nodes[way], delivery)
            except ShapeMissing as missing:
                sample = missing.sample
                found, changed = self._channels.shape(sample)
                if changed:
                    self.forget()
                    asked = sample.device, sample.names, sample.units
                    if asked in changed_for:
                        return "undecided", None  # one name with two units, each of which retires the other's channel
                    changed_for.add(asked)
                self.nodes[way].remember(sample.device, found)
            except WeekUnknown as unknown:
                return "week", unknown.week
            except BirthAwaited as awaited:
                return "birth", str(awaited)


def _fitting_none(document: bytes, received_ms: int) -> None:
    """Read nothing by a template."""


def _resolver(book: RecipeBook) -> Resolver:
    window = TimeWindow.of_days(3650, 1)
    resolver = Resolver(window, RelativeMessages(), FarWeeks(Allowance(10, 10)), BirthsAwaited(0))
    resolver._recipes = book
    return resolver


def _node() -> KnownNode:
    return KnownNode(Node(3, 1, NodeName.of("demo", "farm", "node"), "agent"))


def _said(outcome: Entry | tuple[str, object]) -> Any:
    """What an outcome says, of parts what they are."""
    if not isinstance(outcome, Entry):
        return outcome
    rows = [
        (part.group_id, part.table, part.length, part.whole, part.moves_latest, part.places, time_ms, row)
        for part, time_ms, row in outcome.rows
    ]
    return rows, [repr(getattr(outcome, name)) for name in _ALIKE]
