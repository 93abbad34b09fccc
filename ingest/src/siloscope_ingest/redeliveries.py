"""Redelivered messages without times of their own: stored again they would be new readings, which they are not.

What was taken is remembered here; what was stored before this process began, or by another worker, the database knows.
"""

from collections import OrderedDict
from hashlib import blake2b

from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.errors import RegistryNeeded
from siloscope_store import relative_messages
from siloscope_store.relative_messages import Connection, Message

REMEMBERED_MS = 10 * 60 * 1000
_MOST = 200_000


class RedeliveryUnknown(RegistryNeeded):
    """A message without times that the broker delivers again, and nobody has asked yet whether it is stored."""

    def __init__(self, message: Message) -> None:
        super().__init__(f"nobody asked for a redelivered message of node {message[0]}")
        self.message = message


class RelativeMessages:
    """Messages whose times count from their arrival, remembered for ten minutes by node and payload.

    Args:
        most: How many are remembered; the oldest go first.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._seen: OrderedDict[Message, int] = OrderedDict()
        self._asked: set[Message] = set()

    def take(self, node_id: int, delivery: Delivery) -> Message | None:
        """Remember a message; return None where it is one that was taken before, delivered again.

        Only what the broker marks as redelivered is suspected: a device may well say the same twice.

        Raises:
            RedeliveryUnknown: Ask first.
        """
        message = node_id, blake2b(delivery.payload, digest_size=16).digest()
        now_ms = delivery.received_ms
        if delivery.duplicate:
            seen_ms = self._seen.get(message)
            if seen_ms is not None and now_ms - seen_ms <= REMEMBERED_MS:
                self._asked.discard(message)
                return None
            if message not in self._asked:  # what was seen long ago may have come again, to another worker
                raise RedeliveryUnknown(message)
            self._asked.discard(message)
        self._remember(message, now_ms)
        return message

    async def ask(self, connection: Connection, message: Message) -> None:
        """Ask the database for a message, so that `take` knows."""
        arrived_ms = await relative_messages.arrived_ms(connection, message)
        self._asked.add(message)
        if arrived_ms is not None:
            self._remember(message, arrived_ms)

    def _remember(self, message: Message, now_ms: int) -> None:
        self._seen[message] = max(now_ms, self._seen.get(message, now_ms))  # one of the quarantine came long ago
        self._seen.move_to_end(message)
        while len(self._seen) > self._most or now_ms - next(iter(self._seen.values())) > REMEMBERED_MS:
            self._seen.popitem(last=False)
