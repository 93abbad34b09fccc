"""What the database should hold, worked out from what nodes left behind."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.chaos.fleet import NodePlan
from tests.chaos.records import PRODUCED, SENT, SPOOLED, PackId, read_lines, read_log, read_produced
from tests.chaos.synthetic import OF_DEVICE
from tests.system.spooled import Instant, Value, _records, _resolved


class Place(NamedTuple):
    """One channel of one node's device at one instant."""

    node: str
    device: str
    channel: str
    time_ms: int


@dataclass
class Pack:
    """What one numbered pack says.

    Attributes:
        node: Whose it is.
        payload: As it was spooled.
        readings: What it says, where.
        evicted: Numbers that it declares will never come: epoch, first, last.
    """

    node: str
    payload: bytes
    readings: dict[Place, Value] = field(default_factory=dict)
    evicted: list[tuple[str, int, int]] = field(default_factory=list)


@dataclass
class Truth:
    """Everything that may be stored, and what must be.

    Attributes:
        packs: Every pack that was ever spooled.
        sent: Readings of senders without a spool: where, and what they may be.
        still_spooled: Packs that are in some spool now.
        wrong: What the nodes themselves did wrong.
        topics: Where their samples go, and whose they are.
        flipped: Bits were flipped, so that topics may name nodes that nobody knows.
    """

    packs: dict[PackId, Pack] = field(default_factory=dict)
    sent: dict[Place, set[Value]] = field(default_factory=lambda: defaultdict(set))
    payloads: set[bytes] = field(default_factory=set)
    still_spooled: set[PackId] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    topics: dict[str, str] = field(default_factory=dict)
    flipped: bool = False

    def knows(self, node: str) -> bool:
        """Say whether a node is one of ours; another can only have come by a flipped bit."""
        return not self.flipped or node in self.topics.values()

    def candidates(self) -> dict[Place, set[Value]]:
        """Return, for every place, what may be there."""
        found: dict[Place, set[Value]] = defaultdict(set)
        for place, values in self.sent.items():
            found[place] |= values
        for pack in self.packs.values():
            for place, value in pack.readings.items():
                found[place].add(value)
        return found


def read_nodes(truth: Truth, nodes: list[NodePlan]) -> None:
    """Read what nodes left; clones of a card bear the name of the node that they were cloned from.

    Args:
        truth: Gets it.
        nodes: Whose records.
    """
    for node in nodes:
        records = Path(node.records)
        lives: dict[tuple[str, int, int], set[int]] = defaultdict(set)
        for read in read_produced(records / PRODUCED):
            lives[read.device, read.time_ms, read.part].add(read.life)
        for id, payload in read_log(records / SPOOLED):
            known = truth.packs.get(id)
            if known is not None:
                if known.payload != payload:
                    truth.wrong.append(f"{node.label}: number {id} was used twice, for different content")
                continue
            pack = truth.packs[id] = _pack(node.name[2], payload)
            truth.payloads.add(payload)
            # What an agent reads, the simulator alone knows: tests.edge.soak compares that.
            if not node.is_agent and ("-clone-" not in node.label or _is_own(pack, lives)):
                truth.wrong += _not_read(node.label, id, pack, lives)


def read_senders(truth: Truth, folder: Path, names: dict[str, str]) -> None:
    """Read what senders without a spool sent.

    Args:
        truth: Gets it.
        folder: Of all records.
        names: By folder, whose it is.
    """
    for label, node in names.items():
        for _, _, text in read_lines(folder / label / SENT):
            payload = bytes.fromhex(str(text))
            truth.payloads.add(payload)
            for place, value in _pack(node, payload, numbered=False).readings.items():
                truth.sent[place].add(value)


def _pack(node: str, payload: bytes, *, numbered: bool = True) -> Pack:
    records = _records(payload)
    pack = Pack(node, payload)
    for at, value in _resolved(records):
        pack.readings[_place(node, at)] = value
    for record in records:
        for gap in record.get("gaps", []):
            if gap.get("first_seq") is not None:
                pack.evicted.append((gap["epoch"], gap["first_seq"], gap["last_seq"]))
    return pack


def _place(node: str, at: Instant) -> Place:
    return Place(node, at.device, at.channel, at.time_ms)


def _is_own(pack: Pack, lives: dict[tuple[str, int, int], set[int]]) -> bool:
    """Say whether a clone's pack was written by the clone: it began with a copy of another's."""
    return all(any((place.device, place.time_ms, part) in lives for part in (0, 1)) for place in pack.readings)


def _not_read(label: str, id: PackId, pack: Pack, lives: dict[tuple[str, int, int], set[int]]) -> Iterator[str]:
    """Yield what a spooled pack says that no instrument said."""
    for place, value in pack.readings.items():
        if value not in set(_said(label, place, lives)):
            yield f"{label}: pack {id} says {value} at {place}, and no instrument did"


def _said(label: str, place: Place, lives: dict[tuple[str, int, int], set[int]]) -> Iterator[Value]:
    instrument = OF_DEVICE[place.device]
    for number, part in enumerate(instrument.parts()):
        for life in lives.get((place.device, place.time_ms, number), ()):
            sample = instrument.sample(label, place.time_ms, life, part)
            for name, unit, value, code in zip(sample.names, sample.units, sample.values, sample.quality, strict=True):
                if name == place.channel:
                    yield Value(value, unit or None if value is not None else None, code)
