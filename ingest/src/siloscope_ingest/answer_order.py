"""Messages are acknowledged in the order in which they came (MQTT 3.1.1 and 5, 4.6).

Mosquitto looks for each acknowledged message from the oldest on: where thousands of older ones wait for the registry,
an acknowledgement out of order cost it 90 µs, and all of ingest went at a quarter of its speed.
"""

from collections import deque
from collections.abc import Sequence

PATIENCE_MS = 5000
"""So long the others wait for one that is not settled; then they go before it. One may never be: see the writer."""


class AnswerOrder:
    """Which acknowledgements of one connection may go out."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, int]] = deque()
        self._settled: set[int] = set()

    @property
    def holds_back(self) -> bool:
        """Whether some are settled and wait for others that came before them."""
        return bool(self._settled)

    def came(self, packet_id: int, now_ms: int) -> None:
        """Note a message."""
        self._waiting.append((packet_id, now_ms))

    def settle(self, packet_ids: Sequence[int], now_ms: int) -> list[int]:
        """Note that messages are stored; return those that may be acknowledged now, in order of arrival."""
        waiting, settled = self._waiting, self._settled
        settled.update(packet_ids)
        due = []
        while waiting and waiting[0][0] in settled:
            due.append(waiting.popleft()[0])
        if waiting and settled and abs(now_ms - waiting[0][1]) > PATIENCE_MS:
            due += [packet_id for packet_id, _ in waiting if packet_id in settled]
            self._waiting = deque(each for each in waiting if each[0] not in settled)
        settled.difference_update(due)
        return due
