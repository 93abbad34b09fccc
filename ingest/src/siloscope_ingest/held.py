"""What is held in memory between the broker and the database, bounded: beyond it, nothing more is read."""

from collections.abc import Callable, Sequence

from siloscope_ingest.deliveries import Delivery

_RESUME_AT = 0.8


class Held:
    """Counts messages from their arrival until they are committed.

    Args:
        most_messages: Limit in messages.
        most_bytes: Limit in payload bytes.
        pause: Called when a limit is reached.
        resume: Called when a fifth of it is free again.
    """

    def __init__(
        self, most_messages: int, most_bytes: int, pause: Callable[[], None], resume: Callable[[], None]
    ) -> None:
        self.messages = 0
        self.bytes = 0
        self.released = 0
        self.is_full = False
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._pause = pause
        self._resume = resume

    def take(self, delivery: Delivery) -> None:
        """Count a message in."""
        self.messages += 1
        self.bytes += len(delivery.payload)
        if not self.is_full and (self.messages >= self._most_messages or self.bytes >= self._most_bytes):
            self.is_full = True
            self._pause()

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """Count messages out."""
        self.messages -= len(deliveries)
        self.released += len(deliveries)
        self.bytes -= sum(len(delivery.payload) for delivery in deliveries)
        if (
            self.is_full
            and self.messages <= self._most_messages * _RESUME_AT
            and self.bytes <= self._most_bytes * _RESUME_AT
        ):
            self.is_full = False
            self._resume()
