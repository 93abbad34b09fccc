"""From MQTT to the stream, on NATS: a session's samples are ended when all that waited in it is committed.

NATS deletes what waits for a subscription together with that. So a worker that took samples over MQTT before keeps on
doing so beside the stream until nothing older than the stream is left. What is newer comes both ways meanwhile.
"""

import asyncio
from collections.abc import Callable

import structlog

from siloscope_contract.errors import MalformedTopic
from siloscope_contract.topics import Kind, Topic, subscription
from siloscope_ingest.backoff import Backoff
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.errors import Transient
from siloscope_ingest.hand_over import HandOver
from siloscope_ingest.jetstream import JetStreamLine
from siloscope_ingest.line import Line
from siloscope_ingest.session_store import SessionStore
from siloscope_process.clock import Clock

_log = structlog.get_logger(__name__)
SETTLE_S = 5.0
_LOOK_EVERY_S = 1.0
_LONGEST_PAUSE_S = 60.0
_ANSWER_WITHIN_S = 10.0


class HandingOver:
    """Ends the samples of this worker's session.

    Args:
        client_id: Returns the session's.
        line: Returns the line to the MQTT broker, where one stands.
        stream: Returns the line to the stream, where one stands.
        clock: For pauses.
        settle_s: See `HandOver`.
        unasked: Whether to look at every line, and not only at one that brought samples.
    """

    def __init__(
        self,
        client_id: Callable[[], str],
        line: Callable[[], Line | None],
        stream: Callable[[], JetStreamLine | None],
        clock: Clock,
        *,
        settle_s: float,
        unasked: bool,
    ) -> None:
        self._client_id = client_id
        self._line = line
        self._stream = stream
        self._clock = clock
        self._settle_s = settle_s
        self._unasked = unasked
        self._seen: Line | None = None
        self._done: Line | None = None
        self._wanted = asyncio.Event()

    def saw(self, delivery: Delivery) -> None:
        """See a message of the MQTT broker go by: samples tell that the session is one from before."""
        if delivery.line is not self._seen and isinstance(delivery.line, Line) and _is_samples(delivery.topic):
            self._seen = delivery.line
            self._wanted.set()

    def is_done(self, line: Line) -> bool:
        """Whether this line's session has no samples any more."""
        return self._done is line

    async def run(self) -> None:
        """End the samples of each session that has some, until cancelled."""
        backoff = Backoff(longest_s=_LONGEST_PAUSE_S)
        while True:
            if not self._unasked:
                await self._wanted.wait()
            line = self._line() if self._unasked else self._seen
            stream = self._stream()
            if line is None or self._done is line or not line.is_open:
                self._wanted.clear()
            elif stream is not None:
                try:
                    await self._hand_over(line, stream)
                    backoff = Backoff(longest_s=_LONGEST_PAUSE_S)
                except Transient as error:
                    _log.warning("samples_come_twice", reason=str(error))
                    await self._clock.sleep(backoff.next_s())
                continue
            await self._clock.sleep(min(_LOOK_EVERY_S, self._settle_s))

    async def _hand_over(self, line: Line, stream: JetStreamLine) -> None:
        """End the samples of one line's session, as long as both lines stand.

        Raises:
            Transient: JetStream or the broker does not answer.
        """
        store = SessionStore(stream.ask, self._client_id())
        topic_filter = subscription(Kind.SAMPLES)
        name = await store.subscription(topic_filter)
        if name is None:
            if not self._unasked:
                _log.error("samples_come_twice", reason="the broker does not say from which subscription they come")
            self._done = line
            return
        hand_over = HandOver(self._settle_s)
        while line.is_open and stream.is_open:
            newest, kept = await store.newest(), await store.kept(name)
            if kept is None or hand_over.is_over(self._clock.monotonic_s(), newest, kept):
                await line.unsubscribed([topic_filter], _ANSWER_WITHIN_S)
                self._done = line
                _log.info("samples_handed_over", detail="all that waited in the MQTT session is committed")
                return
            await self._clock.sleep(min(_LOOK_EVERY_S, self._settle_s))
        raise Transient("a connection fell before all was committed that waits in the MQTT session")


def _is_samples(topic: str) -> bool:
    try:
        return Topic.parse(topic).kind is Kind.SAMPLES
    except MalformedTopic:
        return False
