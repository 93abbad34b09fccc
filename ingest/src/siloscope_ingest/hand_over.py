"""When a session's share of samples may end on NATS, now that its worker pulls them: plain bookkeeping, no I/O."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kept:
    """What the broker keeps for a subscription, as numbers in the stream that holds its messages.

    Attributes:
        waiting: Messages that were not delivered yet.
        unacknowledged: Messages that were delivered, on whichever connection, and are not acknowledged.
        delivered: The last message that was delivered.
        acknowledged: It and all before it are acknowledged.
    """

    waiting: int
    unacknowledged: int
    delivered: int
    acknowledged: int

    def is_past(self, number: int) -> bool:
        """Say whether everything up to a message is acknowledged."""
        if self.acknowledged >= number:
            return True
        return self.unacknowledged == 0 and (self.waiting == 0 or self.delivered >= number)


class HandOver:
    """One subscription on its way out.

    A mark is set at the newest message, once the stream has stood long enough that every server of a cluster gives it
    what comes. Whatever is newer than the mark is pulled; the subscription ends when all up to it is acknowledged.

    Args:
        settle_s: What a cluster needs until all servers know of a stream, and of a message.
    """

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._since_s: float | None = None
        self._mark: int | None = None

    def is_over(self, now_s: float, newest: int, kept: Kept) -> bool:
        """Say whether nothing would be lost with the subscription.

        Args:
            now_s: Time; the stream must have stood when this was first called.
            newest: The newest message that the broker keeps for anybody.
            kept: What it keeps for the subscription, asked for after `newest`.
        """
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s < self._settle_s:
            return False
        if self._mark is None:
            self._mark, self._since_s = newest, now_s
            return False
        return kept.is_past(self._mark)
