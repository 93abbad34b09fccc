"""Entries wait here for the next transaction: one when it is quiet, thousands under load."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from siloscope_ingest.batches import Batch, Span
from siloscope_ingest.entries import Entry


@dataclass
class CommittedState:
    """What is known to be committed, so that a batch need not ask: cleared whenever it turns out to be wrong."""

    open_spans: set[Span] = field(default_factory=set)
    newest: dict[int, int] = field(default_factory=dict)

    def forget(self) -> None:
        """Trust nothing."""
        self.open_spans.clear()
        self.newest.clear()

    def learn(self, batch: Batch) -> None:
        """Take note of what a committed batch brought."""
        self.open_spans.update(batch.new_spans)
        batch.teach(self.newest)


class Accumulator:
    """Folds entries into batches, in order of arrival.

    What waited for the registry comes between what arrives now, for as long as it takes: each is folded into a batch of
    its own time. What is added in the order in which it arrived is taken in that order.

    Args:
        state: What is known to be committed.
        most_entries: A batch is closed at so many entries.
        most_bytes: A batch is closed at so many payload bytes.
    """

    def __init__(self, state: CommittedState, most_entries: int, most_bytes: int) -> None:
        self._state = state
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._batches: deque[tuple[Batch, int]] = deque()
        self._open: dict[int, Batch] = {}
        self._some = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many entries wait."""
        return sum(len(batch) for batch, _ in self._batches)

    def add(self, entry: Entry) -> None:
        """Take an entry, and close the batch where that has become full or cannot take all of it."""
        period = entry.delivery.received_ms // ARRIVED_WITHIN_MS
        rest: Entry | None = entry
        while rest is not None:
            batch = self._open.get(period)
            if batch is None:
                batch = self._begin(period)
            rest = batch.add(rest)
            if rest is not None or len(batch) >= self._most_entries or batch.payload_bytes >= self._most_bytes:
                del self._open[period]
        self._some.set()

    async def some(self) -> None:
        """Wait until there is something to commit."""
        await self._some.wait()

    def wake(self) -> None:
        """Let whoever waits in `some` go on, though there may be nothing."""
        self._some.set()

    def take(self) -> Batch:
        """Return the batch that was begun first, which is empty where nothing waits."""
        if not self._batches:
            self._some.clear()
            return self._new()
        batch, period = self._batches.popleft()
        self._close(batch, period)
        if not self._batches:
            self._some.clear()
        return batch

    def prepare(self) -> None:
        """Work out what the next batch has to write, where many entries wait: the database need not wait for that."""
        if not self._batches:
            return
        batch, period = self._batches[0]
        if len(batch) >= MANY:
            self._close(batch, period)
        if self._open.get(period) is not batch:
            batch.sealed()

    def pack(self, entries: Iterable[Entry]) -> list[Batch]:
        """Fold entries into batches of their own, apart from those that wait."""
        batches = [self._new()]
        for entry in entries:
            rest: Entry | None = entry
            while rest is not None:
                rest = batches[-1].add(rest)
                if rest is not None:
                    batches.append(self._new())
        return batches

    def _begin(self, period: int) -> Batch:
        """Open a batch behind all others; those of later times take nothing more, for they are committed before it."""
        for later in [each for each in self._open if each > period]:
            del self._open[later]
        batch = self._open[period] = self._new()
        self._batches.append((batch, period))
        return batch

    def _close(self, batch: Batch, period: int) -> None:
        """Take nothing more into a batch."""
        if self._open.get(period) is batch:
            del self._open[period]

    def _new(self) -> Batch:
        return Batch(self._state.open_spans, self._state.newest)


def linger_s(waiting: int, last_commit_s: float) -> float:
    """Return how long to wait for company before a commit.

    A commit costs the same for one message as for fifty: wait for a part of what the last one took, but never so long
    that somebody notices, and not at all where many wait already. What comes during a commit waits for the next anyway.
    """
    if waiting >= MANY:
        return 0.0
    return min(_LONGEST_S, max(_SHORTEST_S, last_commit_s / 4))


ARRIVED_WITHIN_MS = 5_000
"""What one batch holds came within so long, also where the database was away for an hour meanwhile."""
MANY = 500
"""So many entries are a batch that need not wait for company."""
_SHORTEST_S = 0.002
_LONGEST_S = 0.03
