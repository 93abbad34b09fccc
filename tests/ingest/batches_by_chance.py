"""Batches by chance: entries that agree, contradict each other, come twice, late or in parts."""

from dataclasses import dataclass, field
from random import Random

import pytest

from siloscope_ingest import batches, folding
from siloscope_ingest.batches import Batch
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.entries import Entry
from siloscope_ingest.shapes import TABLES, Part
from siloscope_store.samples import OVERTAKEN_MS, SPAN_MS

BASE_MS = 2_900 * SPAN_MS
EPOCHS = "0123456789abcdef" * 2, "ab" * 16, "f" * 32, "AB" * 16  # the last one as none is: that is left to Python


def use_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let batches do all of it without compiled code."""
    for name in ("fold", "incoming", "accounted", "learn"):
        monkeypatch.setattr(batches, name, getattr(folding, f"{name}_plainly"))


class Nobody:
    """Whoever acknowledges nothing."""

    def acknowledge(self, packet_ids: object) -> None:
        raise AssertionError


@dataclass
class World:
    """Entries by chance, and what is known to be committed.

    Attributes:
        random: The same gives the same.
        open_spans: Those that exist.
        newest: What is known of groups.
        made: All rows until now.
    """

    random: Random
    open_spans: set[int] = field(default_factory=set)
    newest: dict[int, int] = field(default_factory=dict)
    made: list[tuple[Part, int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        spans = range(2_899 * len(TABLES), 2_901 * len(TABLES))
        self.open_spans.update(span for span in spans if self.random.random() < 0.8)
        self._groups = self.random.choice((3, 8, 40))
        self._calm = self.random.random() < 0.3  # whole samples only, nearly all of them new
        for group_id in range(1, self._groups + 1):
            if self._calm or self.random.random() < 0.5:
                self.newest[group_id] = BASE_MS + self.random.randint(-5, 5 - 10 * self._calm) * 1000

    def entries(self) -> list[Entry]:
        """A few of them."""
        self.received_ms = BASE_MS + self.random.choice((0, 10_000, OVERTAKEN_MS))
        return [self._entry() for _ in range(self.random.choice((1, 3, 20, 60)))]

    def _entry(self) -> Entry:
        random = self.random
        node_id, epoch = random.choice((1, 2, 77, 2**31 - 1)), random.choice(EPOCHS[: random.choice((3, 3, 3, 4))])
        delivery = Delivery("topic", bytes(random.randrange(9)), self.received_ms, 1, Nobody())
        found = Entry(delivery, node_id, 1, (node_id, epoch) if random.random() < 0.9 else None)
        found.seq = random.choice((random.randint(1, 9), random.randint(1, 10**6), 2**62)) if found.stream else None
        found.is_exception = random.random() < 0.05
        found.readings = random.randrange(9)
        found.rows = [self._row() for _ in range(random.choice((0, 1, 1, 1, 2, 8)))]
        if random.random() < 0.03:
            first = random.randrange(9)
            found.evicted = [(random.choice(EPOCHS[:3]), (first, first + random.randint(1, 9)))]
        return found

    def _row(self) -> tuple[Part, int, bytes]:
        random = self.random
        if self.made and random.random() < 0.1:
            self.made.append(random.choice(self.made))
            return self.made[-1]
        group_id = random.randint(1, self._groups)
        positions = random.choice(([0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2], [0], [1, 2], [2]))
        positions = [0, 1, 2] if self._calm else positions
        part = Part(group_id, group_id % len(TABLES), list(enumerate(positions)), 3)
        if random.random() < 0.05 and not self._calm:
            part = part.silent()
        second = random.choice((0, 1, 2, 3, random.randint(-700 * (not self._calm), 700)))
        week = random.choice((*(0,) * 30, -1, random.randint(-9, 9)))
        time_ms = BASE_MS + week * SPAN_MS + second * 1000
        values: list[float | None] = [random.choice((1.0, 1.0, 2.0)) for _ in positions]
        plain = random.random() < 0.9
        encoded = part.encode(time_ms, values, [0 if plain else 101] * len(values), plain=plain)
        self.made.append((part, time_ms, encoded))
        return self.made[-1]


def said(batch: Batch) -> object:
    """All that others ask of a batch."""
    sealed = batch.sealed()
    tables = [place for place, rows in enumerate(sealed.rows) if rows]
    entries = [(len(each.rows), each.completes, each.seq) for each in batch.entries]
    asked = [(batch.contradicting(table), batch.late_at_ms(table), batch.spans(table)) for table in tables]
    sums = len(batch), len(batch.exceptions), batch.readings, batch.payload_bytes, batch.new_spans
    return sealed, entries, asked, sums, batch.newest(), batch.accounted(), batch.streams()


def history(seed: int) -> list[object]:
    """What a few batches say, each of which is learnt from; some of their entries come once more."""
    world = World(Random(seed))
    found: list[object] = []
    for _ in range(3):
        waiting = world.entries()
        while waiting:
            batch, later = Batch(world.open_spans, world.newest), list[Entry]()
            for entry in waiting:
                rest = batch.add(entry)
                later += [rest] if rest is not None else []
            found.append(said(batch))
            if world.random.random() < 0.9:
                world.open_spans.update(batch.new_spans)
                batch.teach(world.newest)
            else:
                world.open_spans.clear()
                world.newest.clear()
            waiting = later
        found.append((dict(world.newest), list(world.newest), set(world.open_spans)))
    return found
