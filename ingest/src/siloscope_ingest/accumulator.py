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

    Args:
        state: What is known to be committed.
        most_entries: A batch is closed at so many entries.
        most_bytes: A batch is closed at so many payload bytes.
    """

    def __init__(self, state: CommittedState, most_entries: int, most_bytes: int) -> None:
        self._state = state
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._closed: deque[Batch] = deque()
        self._open = self._new()
        self._since_ms = 0
        self._some = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many entries wait."""
        return len(self._open) + sum(map(len, self._closed))

    def add(self, entry: Entry) -> None:
        """Take an entry, and close the batch where that has become full or cannot take all of it."""
        if not 0 <= entry.delivery.received_ms - self._since_ms <= ARRIVED_WITHIN_MS:
            self._begin_at(entry.delivery.received_ms)
        rest: Entry | None = entry
        while rest is not None:
            rest = self._open.add(rest)
            if (
                rest is not None
                or len(self._open) >= self._most_entries
                or self._open.payload_bytes >= self._most_bytes
            ):
                self._close()
        self._some.set()

    async def some(self) -> None:
        """Wait until there is something to commit."""
        await self._some.wait()

    def wake(self) -> None:
        """Let whoever waits in `some` go on, though there may be nothing."""
        self._some.set()

    def take(self) -> Batch:
        """Return the oldest batch, which may be empty."""
        batch = self._closed.popleft() if self._closed else self._open
        if batch is self._open:
            self._open = self._new()
        if not self._closed and not self._open.entries:
            self._some.clear()
        return batch

    def prepare(self) -> None:
        """Work out what the next batch has to write, where many entries wait: the database need not wait for that."""
        if not self._closed and len(self._open) >= MANY:
            self._close()
        if self._closed:
            self._closed[0].sealed()

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

    def _begin_at(self, received_ms: int) -> None:
        """Close what came at another time: whether a sample is late follows from when its batch came."""
        self._since_ms = received_ms
        if self._open.entries:
            self._close()

    def _close(self) -> None:
        self._closed.append(self._open)
        self._open = self._new()

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
