"""Two starts alive under one credential: a cloned card, or a copied agent.

A restarted agent still sends what its earlier epochs left in the spool, but those samples were taken before its new
epoch was first heard of. Where each of two epochs brings samples that were taken after the other was first heard of,
both are alive. What a clock says that is ahead is no evidence: set right by a restart, it would make a twin of what it
said before.
"""

TOLERANCE_MS = 60_000
"""Clocks are not exact, and a message takes its time."""

_MOST_EPOCHS = 8


class Epochs:
    """What one node's epochs have shown of themselves since this process started."""

    __slots__ = ("_seen", "reported")

    def __init__(self) -> None:
        self._seen: dict[str, list[int]] = {}
        self.reported = False

    def note(self, epoch: str, sample_ms: int, received_ms: int) -> str | None:
        """Take note of a sample; return the other living epoch, the first time that two are seen to live."""
        if sample_ms > received_ms + TOLERANCE_MS:
            return None
        seen = self._seen.get(epoch)
        if seen is None:
            seen = self._begin(epoch, received_ms, sample_ms)
        elif sample_ms > seen[1]:
            seen[1] = sample_ms
        if len(self._seen) == 1 or self.reported:
            return None
        for other, (first_heard_ms, newest_ms) in self._seen.items():
            if other != epoch and seen[1] > first_heard_ms + TOLERANCE_MS and newest_ms > seen[0] + TOLERANCE_MS:
                self.reported = True
                return other
        return None

    def _begin(self, epoch: str, received_ms: int, sample_ms: int) -> list[int]:
        if len(self._seen) >= _MOST_EPOCHS:
            del self._seen[next(iter(self._seen))]
        seen = self._seen[epoch] = [received_ms, sample_ms]
        return seen
