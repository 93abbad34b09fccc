"""A fleet of nodes that send one kind of message, encoded beforehand but for its times and number."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from siloscope_contract.births import ChannelBirth, DeviceBirth, GroupBirth
from siloscope_contract.packs import Epoch, Pack, Sample, encode
from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_store.sample_rows import PlainLayout

ORGANISATION, SITE, DEVICE, LIVE_DEVICE = "bench", "field", "head1", "live1"
INTERVAL_S = 10.0
_TIME_MARK_MS, _SEQ_MARK = 1_111_111_111_000, 987_654_321
_VARIANTS = 64
STEP_MS = 20


class Form(StrEnum):
    """What a fleet's messages say of themselves."""

    NUMBERED = "numbered"
    """Packs of an edge agent: epoch, number, absolute times."""
    ABSOLUTE = "absolute"
    """A plain device that knows the time."""
    RELATIVE = "relative"
    """A plain device that does not: its message arrives when it was measured."""


@dataclass(frozen=True)
class Fleet:
    """Nodes and what they send.

    Attributes:
        nodes: How many there are.
        readings: Readings a sample.
        samples: Samples a message.
        seed: Same seed, same values.
        form: What messages say of themselves.
    """

    nodes: int
    readings: int
    samples: int = 1
    seed: int = 1
    form: Form = Form.NUMBERED

    def name(self, node: int) -> NodeName:
        """Return a node's name."""
        return NodeName.of(ORGANISATION, SITE, f"n{node:05d}")

    def topic(self, node: int) -> str:
        """Return where a node publishes its samples."""
        return Topic(self.name(node), Kind.SAMPLES).text()

    def epoch(self, node: int) -> Epoch:
        """Return a node's only epoch."""
        return Epoch(f"{node + 1:032x}")

    def live_epoch(self, node: int) -> Epoch:
        """Return the epoch of what a node sends beside its backlog: of its newest start."""
        return Epoch(f"{node + 1:031x}f")

    def device(self) -> DeviceBirth:
        """Return the device of each node as it would announce it."""
        channels = [ChannelBirth(f"t{at}", "temperature", "Cel", resolution=0.1) for at in range(1, self.readings + 1)]
        return DeviceBirth(DEVICE, groups=[GroupBirth("main", INTERVAL_S, channels=channels)])

    def values(self, random: Random) -> list[float]:
        """Return the values of one sample: temperatures in steps of 0.1."""
        return [round(random.uniform(5, 30), 1) for _ in range(self.readings)]

    def templates(self, device: str = DEVICE) -> list[list[bytes]]:
        """Return messages cut where times, epoch and number go, as lists of the pieces between.

        The cuts are, in this order: the first time, epoch and number, all further times.
        """
        random = Random(self.seed)
        return [self._template(random, device) for _ in range(_VARIANTS)]

    def rows(self, count: int, start_ms: int) -> list[bytes]:
        """Return rows of as many samples, as the database gets them, group ids counting from 1."""
        random = Random(self.seed)
        variants = [self.values(random) for _ in range(_VARIANTS)]
        layouts = [PlainLayout(node + 1, self.readings) for node in range(self.nodes)]
        return [
            layouts[at % self.nodes].encode(start_ms + at // self.nodes * STEP_MS, variants[at % _VARIANTS])
            for at in range(count)
        ]

    def _template(self, random: Random, device: str) -> list[bytes]:
        names = tuple(f"t{at}" for at in range(1, self.readings + 1))
        units = ("Cel",) * self.readings
        samples = [
            Sample(device, _TIME_MARK_MS + at * 1000, names, units, [*self.values(random)], [0] * self.readings)
            for at in range(self.samples)
        ]
        numbered = self.form is Form.NUMBERED
        whole = encode(Pack(EPOCH_MARK if numbered else None, _SEQ_MARK if numbered else None, samples))
        if self.form is Form.RELATIVE:
            whole = whole.replace(f'"bt":{_TIME_MARK_MS // 1000}.0,'.encode(), b"", 1)
        for at in range(self.samples):
            whole = whole.replace(f"{_TIME_MARK_MS // 1000 + at}.0".encode(), _CUT)
        return whole.replace(EPOCH_MARK.encode(), _CUT).replace(str(_SEQ_MARK).encode(), _CUT).split(_CUT)


EPOCH_MARK = Epoch("f" * 32)
_CUT = b"\x00"
