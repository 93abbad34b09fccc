"""Gauges that nothing sets on its way: measured now and then by a task that waits for nobody."""

from collections import deque
from collections.abc import Callable

import structlog

from siloscope_ingest.errors import Transient
from siloscope_ingest.held import Held
from siloscope_ingest.jetstream import JetStreamLine
from siloscope_ingest.metrics import Metrics
from siloscope_process.clock import Clock

_log = structlog.get_logger(__name__)
_EVERY_S = 1.0
_ASK_EVERY = 5
"""Rounds between two questions to the stream."""


class OldestHeld:
    """How long the oldest message that is held has waited, told from two counts alone, to a round exactly.

    Messages leave nearly in the order in which they came.

    >>> oldest = OldestHeld()
    >>> [oldest.age_s(*counts) for counts in [(0, 5, 5), (1, 9, 5), (2, 9, 6), (3, 9, 9)]]
    [0.0, 1.0, 2.0, 0.0]
    """

    def __init__(self) -> None:
        self._rounds: deque[tuple[float, int]] = deque()

    def age_s(self, now_s: float, taken: int, released: int) -> float:
        """Note a round; return how long ago the oldest message came at most.

        Args:
            now_s: When this is.
            taken: Messages that ever came.
            released: Those of them that are done.
        """
        rounds = self._rounds
        if len(rounds) > 1 and rounds[-1][1] == taken:
            rounds[-1] = (now_s, taken)  # a database that is away for a week makes no list of a week's seconds
        else:
            rounds.append((now_s, taken))
        while len(rounds) > 1 and rounds[1][1] <= released:
            rounds.popleft()
        if taken == released:
            rounds.clear()
            rounds.append((now_s, taken))
        return float(now_s - rounds[0][0])


class Gauges:
    """Keeps the gauges up to date.

    Args:
        metrics: Where they are.
        held: What is under way.
        parked: How many messages wait for the registry.
        stream: The line to the stream, where one stands.
        clock: For the pauses.
    """

    def __init__(
        self,
        metrics: Metrics,
        held: Held,
        parked: Callable[[], int],
        stream: Callable[[], JetStreamLine | None],
        clock: Clock,
    ) -> None:
        self._metrics = metrics
        self._held = held
        self._parked = parked
        self._stream = stream
        self._clock = clock
        self._oldest = OldestHeld()

    async def run(self) -> None:
        """Measure until cancelled."""
        rounds = 0
        while True:
            self.measure()
            if rounds % _ASK_EVERY == 0:
                await self._ask()
            rounds += 1
            await self._clock.sleep(_EVERY_S)

    def measure(self) -> None:
        """Bring up to date what is known here."""
        metrics, held = self._metrics, self._held
        metrics.held_messages.set(held.messages)
        metrics.held_bytes.set(held.bytes)
        metrics.parked.set(self._parked())
        metrics.paused.set(held.is_full)
        taken = held.released + held.messages
        metrics.oldest_held_s.set(self._oldest.age_s(self._clock.monotonic_s(), taken, held.released))
        stream = self._stream()
        if stream is not None:
            metrics.stream_backlog.set(stream.backlog)

    async def _ask(self) -> None:
        stream = self._stream()
        if stream is None:
            return
        try:
            await stream.measure()
        except Transient as error:
            _log.debug("backlog_unknown", reason=str(error))
