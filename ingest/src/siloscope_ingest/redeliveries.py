"""Redelivered messages without times of their own: stored again they would be new readings, which they are not."""

from collections import OrderedDict
from hashlib import blake2b

REMEMBERED_MS = 10 * 60 * 1000
_MOST = 200_000


class RelativeMessages:
    """Messages whose times count from their arrival, remembered for ten minutes by node and payload.

    Args:
        most: How many are remembered; the oldest go first.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._seen: OrderedDict[bytes, int] = OrderedDict()

    def is_repeat(self, node_id: int, payload: bytes, received_ms: int, *, duplicate: bool) -> bool:
        """Say whether this is a redelivery of a message that was taken before; remember it where it is not.

        Only what the broker marks as redelivered is suspected: a device may well say the same twice.
        """
        key = blake2b(payload, digest_size=16, key=node_id.to_bytes(8, "big")).digest()
        seen_ms = self._seen.get(key)
        if duplicate and seen_ms is not None and received_ms - seen_ms <= REMEMBERED_MS:
            return True
        self._seen[key] = received_ms
        self._seen.move_to_end(key)
        self._drop_old(received_ms)
        return False

    def _drop_old(self, now_ms: int) -> None:
        while self._seen:
            key, seen_ms = next(iter(self._seen.items()))
            if len(self._seen) <= self._most and now_ms - seen_ms <= REMEMBERED_MS:
                return
            del self._seen[key]
