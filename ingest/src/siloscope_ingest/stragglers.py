"""Nodes whose watermark stands still though numbers above it are committed: something of theirs is missing."""

import heapq
from collections.abc import Iterator

from siloscope_contract.topics import NodeName
from siloscope_contract.watermarks import Watermark
from siloscope_process.clock import Clock


class Stragglers:
    """Remembers since when each node has gaps and its watermark has not risen.

    Args:
        clock: For durations.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[NodeName, tuple[int, float]] = {}

    def note(self, node: NodeName, watermark: Watermark) -> None:
        """Take note of a watermark that is published."""
        open_below = [mark.below for mark in watermark.epochs.values() if mark.gaps]
        if not open_below:
            self._since.pop(node, None)
            return
        height = sum(open_below)
        known = self._since.get(node)
        if known is None or known[0] != height:
            self._since[node] = height, self._clock.monotonic_s()

    def forget(self) -> None:
        """Forget all: another worker publishes now, and knows better."""
        self._since.clear()

    def oldest(self, most: int) -> Iterator[tuple[str, float]]:
        """Return the nodes that have waited longest, and how many seconds."""
        now_s = self._clock.monotonic_s()
        for node, (_, since_s) in heapq.nsmallest(most, self._since.items(), key=lambda each: each[1][1]):
            yield str(node), now_s - since_s
