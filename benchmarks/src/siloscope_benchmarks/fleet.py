"""A fleet of nodes that send one kind of message, encoded beforehand but for its time and number."""

from dataclasses import dataclass
from random import Random

from siloscope_contract.packs import Epoch, Pack, Sample, encode
from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_store.sample_rows import PlainLayout

ORGANISATION, SITE, DEVICE = "bench", "field", "head1"
_TIME_MARK_MS, _SEQ_MARK = 1_111_111_111_000, 987_654_321
_VARIANTS = 64
STEP_MS = 20


@dataclass(frozen=True)
class Fleet:
    """Nodes and what they send.

    Attributes:
        nodes: How many there are.
        readings: Readings a sample.
        samples: Samples a message.
        seed: Same seed, same values.
    """

    nodes: int
    readings: int
    samples: int = 1
    seed: int = 1

    def name(self, node: int) -> NodeName:
        """Return a node's name."""
        return NodeName.of(ORGANISATION, SITE, f"n{node:05d}")

    def topic(self, node: int) -> str:
        """Return where a node publishes its samples."""
        return Topic(self.name(node), Kind.SAMPLES).text()

    def epoch(self, node: int) -> Epoch:
        """Return a node's only epoch."""
        return Epoch(f"{node + 1:032x}")

    def values(self, random: Random) -> list[float]:
        """Return the values of one sample: temperatures in steps of 0.1."""
        return [round(random.uniform(5, 30), 1) for _ in range(self.readings)]

    def templates(self) -> list[list[bytes]]:
        """Return messages cut where time, epoch, number and any further times go, as lists of the pieces between."""
        random = Random(self.seed)
        return [self._template(random) for _ in range(_VARIANTS)]

    def rows(self, count: int, start_ms: int) -> list[bytes]:
        """Return rows of as many samples, as the database gets them, group ids counting from 1."""
        random = Random(self.seed)
        variants = [self.values(random) for _ in range(_VARIANTS)]
        layouts = [PlainLayout(node + 1, self.readings) for node in range(self.nodes)]
        return [
            layouts[at % self.nodes].encode(start_ms + at // self.nodes * STEP_MS, variants[at % _VARIANTS])
            for at in range(count)
        ]

    def _template(self, random: Random) -> list[bytes]:
        names = tuple(f"t{at}" for at in range(1, self.readings + 1))
        units = ("Cel",) * self.readings
        samples = [
            Sample(DEVICE, _TIME_MARK_MS + at * 1000, names, units, [*self.values(random)], [0] * self.readings)
            for at in range(self.samples)
        ]
        whole = encode(Pack(EPOCH_MARK, _SEQ_MARK, samples))
        for at in range(self.samples):
            whole = whole.replace(f"{_TIME_MARK_MS // 1000 + at}.0".encode(), _CUT)
        return whole.replace(EPOCH_MARK.encode(), _CUT).replace(str(_SEQ_MARK).encode(), _CUT).split(_CUT)


EPOCH_MARK = Epoch("f" * 32)
_CUT = b"\x00"
