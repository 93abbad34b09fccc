"""The publisher of watermarks: one per database, whichever worker holds the lock.

It publishes what a snapshot says is committed, never what this worker believes. Only the holder of the lock publishes,
and it reads on the very session that holds the lock: a lost session ends the reading before it ends the lock. So an
older watermark never follows a newer one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import structlog

from siloscope_contract.topics import Kind, Topic
from siloscope_contract.watermarks import encode
from siloscope_ingest.backoff import Backoff
from siloscope_ingest.database import Connection, Database, Identity, sorted_error
from siloscope_ingest.errors import Transient
from siloscope_ingest.metrics import Metrics
from siloscope_ingest.stragglers import Stragglers
from siloscope_process.clock import Clock
from siloscope_store import channel_news, watermarks

_log = structlog.get_logger(__name__)
ROUND_S = 0.15
NODES_A_ROUND = 200
MOST_NODES_A_ROUND = 2000
TOLD_WITHIN_S = 10.0
"""A busy fleet's nodes are all told within about so long; each watermark costs broker and worker as much as a pack."""
CUT_OFF_S = 10.0
"""A publisher whose broker is away for so long lets another worker publish, which may reach it."""
_SWEEP_EVERY_S = 30.0
_COMPARE_EVERY_S = 1.0
_STALE_S = 5.0
"""A process that slept this long between reading and publishing may have been overtaken: it reads again."""

Publish = Callable[[str, bytes], None]


class Publisher:
    """Tells nodes what is committed.

    Args:
        database: A connection of its own: the lock lives and dies with it.
        identity: Which database it must be.
        publish: Publishes retained, at QoS 1.
        can_publish: Whether the broker is there and keeps up.
        connected: Whether the broker is there at all.
        clock: For rounds and pauses.
        metrics: Told of each publication.
        reachable: Told after each round whether the database is (None) or why it is not.
        channels_changed: Called with a node of which another worker put channels in the place of others.
    """

    def __init__(
        self,
        database: Database,
        identity: Identity,
        publish: Publish,
        can_publish: Callable[[], bool],
        connected: Callable[[], bool],
        clock: Clock,
        metrics: Metrics,
        reachable: Callable[[str | None], None],
        channels_changed: Callable[[int], None],
    ) -> None:
        self.leads = False
        self._database = database
        self._identity = identity
        self._publish = publish
        self._can_publish = can_publish
        self._connected = connected
        self._clock = clock
        self._metrics = metrics
        self._reachable = reachable
        self._channels_changed = channels_changed
        self._due: dict[int, float] = {}
        self._everything_due = True
        self._published_s = 0.0
        self._swept_s = 0.0
        self._compared_s = 0.0
        self._connected_s = clock.monotonic_s()
        self._stragglers = Stragglers(clock)
        metrics.stragglers.oldest = self._stragglers.oldest

    def news(self, node_id: int) -> None:
        """Note that a node's committed state has changed."""
        if node_id not in self._due:
            self._due[node_id] = self._clock.monotonic_s()

    def all_news(self) -> None:
        """Note that every watermark is to be published: the broker may have lost what it kept."""
        self._everything_due = True

    async def run(self) -> None:
        """Publish until cancelled.

        Raises:
            Fatal: The database refuses us.
            StoreChanged: It is another one than before.
        """
        backoff = Backoff()
        while True:
            try:
                connection = await self._database.connection()
                await self._round(connection)
                self._reachable(None)
                backoff = Backoff()
            except psycopg.Error as error:
                reason = sorted_error(error)
                await self._step_down()
                if not isinstance(reason, Transient):
                    raise reason from error
                self._reachable(str(reason))
                await self._clock.sleep(backoff.next_s())
            except Transient as error:
                await self._step_down()
                self._reachable(str(error))
                await self._clock.sleep(backoff.next_s())

    async def _round(self, connection: Connection) -> None:
        """Wait a moment for news, then publish what is due, or tell the publisher what it does not know."""
        await self._compare(connection)
        if self._is_cut_off():
            if self.leads:
                _log.warning("steps_down", reason="the broker is away, and another worker may reach it")
                await self._step_down()
                connection = await self._database.connection()
        elif not self.leads:
            await self._try_lead(connection)
        async for heard in connection.notifies(timeout=ROUND_S):
            if heard.channel == channel_news.CHANNEL:
                self._channels_changed(int(heard.payload))
                continue
            for node_id in watermarks.announced(heard.payload):
                self.news(node_id)
        if not self.leads:
            due, self._due = self._due, {}
            with self._kept_due(due):
                await watermarks.announce(connection, list(due))
        elif self._can_publish():
            await self._gather(connection)
            await self._publish_due(connection)
        self._measure()

    def _is_cut_off(self) -> bool:
        """Whether the broker was away for so long that another worker should publish.

        One that is merely slow is as slow for the others.
        """
        now_s = self._clock.monotonic_s()
        if self._connected():
            self._connected_s = now_s
        return now_s - self._connected_s > CUT_OFF_S

    async def _compare(self, connection: Connection) -> None:
        """See now and then whether another worker has found that the database went back."""
        now_s = self._clock.monotonic_s()
        if now_s - self._compared_s > _COMPARE_EVERY_S:
            self._compared_s = now_s
            await self._identity.look(connection)

    async def _try_lead(self, connection: Connection) -> None:
        if await watermarks.try_lead(connection):
            await watermarks.listen(connection)
            self.leads = True
            self._everything_due = True
            self._metrics.leads.set(1)
            _log.info("publishes_watermarks")

    async def _step_down(self) -> None:
        self.leads = False
        self._metrics.leads.set(0)
        self._stragglers.forget()
        await self._database.drop()

    async def _gather(self, connection: Connection) -> None:
        """Find nodes that nobody told us of: all of them at first, later those of workers that died before telling."""
        now_s = self._clock.monotonic_s()
        if self._everything_due:
            self._everything_due = False
            self._swept_s = now_s
            for node_id in await watermarks.nodes_with_marks(connection):
                self.news(node_id)
        elif now_s - self._swept_s > _SWEEP_EVERY_S:
            self._swept_s = now_s
            for node_id in await watermarks.nodes_since(connection, 2 * _SWEEP_EVERY_S):
                self.news(node_id)

    async def _publish_due(self, connection: Connection) -> None:
        # Taken out before the reading: what is committed during it is news again.
        now_s = self._clock.monotonic_s()
        # So many that all are told in time, however long a round takes on a busy machine.
        share = (now_s - self._published_s) / TOLD_WITHIN_S
        self._published_s = now_s
        count = min(MOST_NODES_A_ROUND, max(NODES_A_ROUND, int(len(self._due) * share)))
        due = {node_id: self._due.pop(node_id) for node_id in list(self._due)[:count]}
        if not due:
            return
        began_s = self._clock.monotonic_s()
        with self._kept_due(due):
            found = await watermarks.read(connection, list(due))
        if self._clock.monotonic_s() - began_s > _STALE_S:
            self._due = {**due, **self._due}
            return
        # From here on nothing is awaited: what was just read is what is published.
        for name, watermark in found:
            self._publish(Topic(name, Kind.COMMITTED).text(), encode(watermark))
            self._stragglers.note(name, watermark)
        self._metrics.watermarks.inc(len(found))

    @contextmanager
    def _kept_due(self, due: dict[int, float]) -> Iterator[None]:
        """Put nodes back where telling them failed."""
        try:
            yield
        except BaseException:
            self._due = {**due, **self._due}
            raise

    def _measure(self) -> None:
        oldest_s = next(iter(self._due.values()), None)
        self._metrics.watermarks_due.set(len(self._due))
        self._metrics.watermark_age_s.set(0 if oldest_s is None else self._clock.monotonic_s() - oldest_s)
