"""The writer: takes batches and commits them; acknowledges after that, and only after that.

The database away: it tries again, for ever, with growing pauses. The data refused: it splits the batch until the one
message is found that is to blame, and keeps that in quarantine. Anything else stops the service.
"""

from collections.abc import Callable, Sequence
from uuid import uuid4

import psycopg
import structlog

from siloscope_ingest.accumulator import Accumulator, CommittedState, linger_s
from siloscope_ingest.backoff import Backoff
from siloscope_ingest.batches import Batch
from siloscope_ingest.database import Database, sorted_error
from siloscope_ingest.deliveries import acknowledge
from siloscope_ingest.entries import Entry
from siloscope_ingest.errors import Rejected, Transient
from siloscope_ingest.held import Held
from siloscope_ingest.metrics import Metrics
from siloscope_ingest.origins import RecentBatches
from siloscope_ingest.resolving import rejected
from siloscope_ingest.transaction import commit
from siloscope_process.clock import Clock
from siloscope_store.quarantine import BatchNumber

_log = structlog.get_logger(__name__)
_MOST_LOGGED = 100
"""Of so many refused messages of a batch the log says what each was: a line costs as much as all the rest of one."""


class Writer:
    """Commits what the accumulator gathers.

    Args:
        database: A connection of its own.
        accumulator: Where batches come from.
        state: What is known to be committed.
        held: Released after each commit.
        clock: For pauses and durations.
        metrics: Told after each commit.
        committed: Called with each committed batch.
        reachable: Told whether the database is (None) or why it is not.
    """

    def __init__(
        self,
        database: Database,
        accumulator: Accumulator,
        state: CommittedState,
        held: Held,
        clock: Clock,
        metrics: Metrics,
        *,
        committed: Callable[[Batch], None],
        reachable: Callable[[str | None], None],
    ) -> None:
        self._database = database
        self._accumulator = accumulator
        self._state = state
        self._held = held
        self._clock = clock
        self._metrics = metrics
        self._committed = committed
        self._reachable = reachable
        self._recent = RecentBatches()
        self._number = BatchNumber(uuid4(), 0)
        self._last_commit_s = 0.0
        self._finishing = False

    async def run(self) -> None:
        """Commit until `finish` is called and nothing waits any more.

        Raises:
            Fatal: The database refuses us.
        """
        while not self._finishing:
            await self._accumulator.some()
            await self._clock.sleep(linger_s(self._accumulator.waiting, self._last_commit_s))
            await self.write(self._accumulator.take())
        while self._accumulator.waiting:
            await self.write(self._accumulator.take())

    def finish(self) -> None:
        """Commit what waits, and end."""
        self._finishing = True
        self._accumulator.wake()

    async def write(self, batch: Batch) -> None:
        """Commit a batch, whatever it takes, and acknowledge it."""
        try:
            await self._commit(batch)
        except Rejected as error:
            _log.warning("batch_refused", messages=len(batch), reason=error.detail)
            self._state.forget()
            await self._write_apart(batch.entries)

    async def _write_apart(self, entries: Sequence[Entry]) -> None:
        """Commit entries of a refused batch: all again from scratch, then by halves, at last one by one."""
        for batch in self._accumulator.pack(entries):
            try:
                await self._commit(batch)
            except Rejected as error:
                self._metrics.bisections.inc()
                if len(batch) == 1:
                    await self._blame(batch.entries[0], error)
                    continue
                middle = len(batch) // 2
                await self._write_apart(batch.entries[:middle])
                await self._write_apart(batch.entries[middle:])

    async def _blame(self, entry: Entry, why: Rejected) -> None:
        """Keep the one message that was refused in quarantine, with less and less that could be refused again."""
        for blamed in _blamed(entry, why):
            try:
                await self._commit(self._accumulator.pack([blamed])[0])
                return
            except Rejected as error:
                why = error
        # Nowhere stored, so not acknowledged: the broker keeps it and sends it again on the next connection.
        self._metrics.unstored.inc()
        _log.error("message_not_stored", topic=entry.delivery.topic, reason=why.detail)
        if entry.completes:
            self._held.release([entry.delivery])

    async def _commit(self, batch: Batch) -> None:
        """Commit a batch, trying again while the database is away.

        Raises:
            Rejected: The database refuses its data.
            Fatal: The database refuses us.
        """
        backoff = Backoff()
        self._number = self._number._replace(number=self._number.number + 1)
        while True:
            began_s = self._clock.monotonic_s()
            try:
                done = await self._try(batch)
            except Transient as error:
                self._metrics.retries.inc()
                self._reachable(str(error))
                pause_s = backoff.next_s()
                _log.warning("database_away", reason=str(error), again_in_s=round(pause_s, 2))
                await self._database.drop()
                self._state.forget()
                await self._clock.sleep(pause_s)
                continue
            self._last_commit_s = self._clock.monotonic_s() - began_s
            self._settle(batch, done)
            return

    async def _try(self, batch: Batch) -> int:
        try:
            connection = await self._database.connection()
            done = await commit(connection, batch, self._number, self._recent, self._accumulator.prepare)
        except psycopg.Error as error:
            raise sorted_error(error) from error
        return done.conflicts

    def _settle(self, batch: Batch, conflicts: int) -> None:
        """Acknowledge and forget a committed batch."""
        done = [entry.delivery for entry in batch.entries if entry.completes]
        acknowledge(done)
        self._held.release(done)
        self._reachable(None)
        self._state.learn(batch)
        self._recent.add(batch)
        self._count(batch, conflicts, len(done))
        self._committed(batch)

    def _count(self, batch: Batch, conflicts: int, messages: int) -> None:
        metrics = self._metrics
        metrics.messages.inc(messages)
        metrics.readings.inc(batch.readings)
        metrics.conflicts.inc(conflicts)
        metrics.batch_messages.observe(messages)
        metrics.commit_seconds.observe(self._last_commit_s)
        quarantined = 0
        for entry in batch.exceptions:
            metrics.undated.inc(len(entry.undated))
            metrics.ahead.inc(bool(entry.ahead_ms))
            metrics.withheld.inc(entry.withheld is not None)
            for each in entry.quarantined:
                metrics.quarantined.labels(each.reason).inc()
                quarantined += 1
                if quarantined <= _MOST_LOGGED:
                    _log.warning("quarantined", topic=each.topic, reason=each.reason, detail=each.detail[:300])
        if quarantined > _MOST_LOGGED:
            _log.warning("quarantined_more", messages=quarantined - _MOST_LOGGED)


def _blamed(entry: Entry, why: Rejected) -> list[Entry]:
    """Return entries that only say that this one was refused, the one that says more first."""
    named = rejected(entry.delivery, why, entry.node_id, entry.org_id, entry.stream, entry.seq)
    bare = rejected(entry.delivery, why)
    named.completes = bare.completes = entry.completes
    return [named, bare]
