"""How many messages a channel may send within an hour. Pure: time is seconds of any clock that never goes back.

One place of the hour is kept for the summary of what is held back, so that a reader learns of it soon.
"""

from collections import deque
from collections.abc import Iterable

HOUR_S = 3_600.0
SUMMARISE_AFTER_S = 300.0
"""So long what is held back is gathered before it is summed up."""

EXEMPT = ("summary", "digest", "test", "channel_failing")
"""Kinds that are never held back; critical messages are not either."""


class Allowance:
    """What a channel may still send; critical messages count, and always may.

    Args:
        most_per_hour: At least 1.
        delivered_s: When the messages of the last hour went out, oldest first.
    """

    def __init__(self, most_per_hour: int, delivered_s: Iterable[float] = ()) -> None:
        self._most = most_per_hour
        self._delivered = deque(delivered_s)

    def note(self, now_s: float) -> None:
        """Count a message that went out now."""
        self._delivered.append(now_s)

    def limit_to(self, most_per_hour: int) -> None:
        """Go by another limit: somebody has edited the channel."""
        self._most = most_per_hour

    def may_send(self, now_s: float) -> bool:
        """Whether a message that may be held back may go out."""
        return self._count(now_s) < max(self._most - 1, 1)

    def may_summarise(self, now_s: float) -> bool:
        """Whether a summary may go out."""
        return self._count(now_s) < self._most

    def _count(self, now_s: float) -> int:
        while self._delivered and self._delivered[0] <= now_s - HOUR_S:
            self._delivered.popleft()
        return len(self._delivered)
