"""The ingest service, put together: what a process runs and what a test starts."""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import psycopg
import structlog

from siloscope_ingest.accumulator import Accumulator, CommittedState
from siloscope_ingest.admission import Admission
from siloscope_ingest.attendance import Attendance
from siloscope_ingest.backoff import Backoff
from siloscope_ingest.batches import Batch
from siloscope_ingest.births_awaited import BirthsAwaited
from siloscope_ingest.clocks import ClockWatch
from siloscope_ingest.database import Connection, Database, Identity, Prepare, prepare_writing, sorted_error
from siloscope_ingest.doors import Doors
from siloscope_ingest.entries import Entry
from siloscope_ingest.errors import Fatal, StoreChanged, Transient
from siloscope_ingest.far_weeks import Allowance, FarWeeks
from siloscope_ingest.floods import Floods
from siloscope_ingest.gauges import Gauges
from siloscope_ingest.held import Held
from siloscope_ingest.housekeeping import Housekeeping
from siloscope_ingest.intake import Intake
from siloscope_ingest.metrics import Metrics
from siloscope_ingest.nodes import KnownNode
from siloscope_ingest.ports import Traces
from siloscope_ingest.presence import PresenceBook
from siloscope_ingest.publisher import Publisher
from siloscope_ingest.redeliveries import RelativeMessages
from siloscope_ingest.registrar import Registrar
from siloscope_ingest.replays import Replays
from siloscope_ingest.resolving import Resolver
from siloscope_ingest.settings import IngestSettings
from siloscope_ingest.stalls import StallWatch
from siloscope_ingest.window import TimeWindow
from siloscope_ingest.writer import Writer
from siloscope_process.broker_url import BrokerUrl
from siloscope_process.clock import Clock
from siloscope_process.operations import Health
from siloscope_store import channel_news, watermarks, workers

_log = structlog.get_logger(__name__)
_FINISH_WITHIN_S = 15.0
_BATCH_BYTES = 16 * 2**20


class Ingest:
    """Ingest as long as it runs: a service, and another one when the database was restored, promoted or replaced.

    Args:
        settings: What it was told.
        brokers: Where the broker is, or the servers of a cluster.
        clock: All its time.
        health: Told of database and broker.
        metrics: Its numbers.
        traces: Told of each commit, where traces are wanted.
    """

    def __init__(
        self,
        settings: IngestSettings,
        brokers: Sequence[BrokerUrl],
        clock: Clock,
        health: Health,
        metrics: Metrics,
        traces: Traces | None = None,
    ) -> None:
        self._begin_anew = partial(Service, settings, brokers, clock, health, metrics, traces)
        self.service = self._begin_anew()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop, then finish what is under way.

        Raises:
            Fatal: Broker or database refuse us.
        """
        while True:
            try:
                await self.service.run(stop)
                return
            except StoreChanged as error:
                _log.warning("begins_anew", reason=str(error))
                self.service = self._begin_anew()


class Service:
    """Ingest against one database, from the broker to the database and back.

    Args:
        settings: What it was told.
        brokers: Where the broker is, or the servers of a cluster.
        clock: All its time.
        health: Told of database and broker.
        metrics: Its numbers.
        traces: Told of each commit, where traces are wanted.
        leaving: Whether this worker ends for good and takes nothing new.
    """

    def __init__(
        self,
        settings: IngestSettings,
        brokers: Sequence[BrokerUrl],
        clock: Clock,
        health: Health,
        metrics: Metrics,
        traces: Traces | None = None,
        *,
        leaving: bool = False,
    ) -> None:
        self._leaving = leaving
        self._settings = settings
        self._brokers = brokers
        self._clock = clock
        self.health = health
        self.metrics = metrics
        self._traces = traces
        self._identity = Identity()
        self._publishing = self._database("siloscope ingest watermarks", self._listen)
        self._writing = self._database("siloscope ingest writer", prepare_writing)
        self._registering = self._database("siloscope ingest registry")
        self._keeping = self._database("siloscope ingest housekeeping")
        self._attending = self._database("siloscope ingest attendance")
        self._presence = PresenceBook()
        self._problems: dict[str, str | None] = {}
        self._listens_since: datetime | None = None
        self._wire()

    def _wire(self) -> None:
        settings, clock = self._settings, self._clock
        state = CommittedState()
        self._accumulator = Accumulator(state, settings.ingest_batch_messages, _BATCH_BYTES)
        self.held = Held(
            settings.ingest_held_messages,
            settings.ingest_held_mib * 2**20,
            lambda: self.doors.pause(),
            lambda: self.doors.resume(),
        )
        self._clocks = ClockWatch(
            round(settings.clock_tolerance_s * 1000), lambda kind: self.metrics.clock_events.labels(kind).inc()
        )
        self._floods = Floods(settings.quarantined_a_minute)
        weeks = FarWeeks(Allowance(settings.far_weeks_a_day, settings.backlog_weeks_a_day))
        awaited = BirthsAwaited(settings.birth_wait_s)
        self._publisher = Publisher(
            self._publishing,
            self._identity,
            lambda topic, payload: self.doors.publish_retained(topic, payload),
            lambda: self.doors.can_publish,
            lambda: self.doors.is_connected,
            clock,
            self.metrics,
            partial(self._on_database, "watermarks"),
            channels_changed=lambda node_id: self._registrar.forget_shapes(node_id),
        )
        relative = RelativeMessages()
        self._registrar = Registrar(
            self._registering,
            Admission(settings.register_plain_devices, settings.most_devices_per_node, awaited),
            self._presence,
            clock,
            news=self._publisher.news,
            weeks=weeks,
            clocks=self._clocks,
            relative=relative,
        )
        self._intake = Intake(
            Resolver(_window(settings), relative, weeks, awaited),
            self._accumulator,
            self.held,
            park=self._registrar.park,
            watch=self._watch,
            refused=self._on_exception,
            waited=lambda: self.metrics.awaiting_births.inc(),
        )
        self.doors = Doors(settings, self._brokers, clock, self._intake.receive, self._on_link, leaving=self._leaving)
        self._replays = Replays(self._intake.receive, lambda: self.held.is_full)
        self._writer = Writer(
            self._writing,
            self._accumulator,
            state,
            self.held,
            clock,
            self.metrics,
            committed=self._on_committed,
            reachable=partial(self._on_database, "writer"),
        )
        self._wire_chores()

    def _wire_chores(self) -> None:
        """Wire what is done beside the messages' way."""
        settings, clock = self._settings, self._clock
        watched = (self._publishing, self._writing, self._registering, self._keeping, self._attending)
        self._stalls = StallWatch(settings.database_url, watched, clock, partial(self._on_database, "watch"))
        self._housekeeping = Housekeeping(self._keeping, self._presence, self._clocks, self._replays, clock)
        self._attendance = Attendance(
            self._attending, settings.ingest_worker, lambda: self.doors.is_connected, self.held, clock
        )
        self._gauges = Gauges(
            self.metrics, self.held, lambda: self._registrar.waiting, lambda: self.doors.stream_line, clock
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop, then finish what is under way.

        Raises:
            Fatal: Broker or database refuse us.
            StoreChanged: The database is another one than before: what is known of it is worth nothing.
        """
        await self._until(stop, self._begin())
        if stop.is_set():
            return
        tasks = [
            asyncio.ensure_future(each)
            for each in (
                self._writer.run(),
                self._registrar.run(self._intake),
                self._publisher.run(),
                self._housekeeping.run(),
                self._stalls.run(),
                self._gauges.run(),
                self._attendance.run(),
                *self.doors.work(),
            )
        ]
        try:
            await _first_failure(tasks, stop)
            await self._finish(tasks[0])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for database in (self._publishing, self._writing, self._registering, self._keeping, self._attending):
                await database.drop()

    async def _listen(self, connection: Connection) -> None:
        """Say that we run, hear of changed channels, and forget those of nodes that changed while nobody listened."""
        await workers.here(connection, self._settings.ingest_worker)
        since = await channel_news.listen(connection)
        if self._listens_since is not None:
            for node_id in await channel_news.changed_since(connection, self._listens_since):
                self._registrar.forget_shapes(node_id)
        self._listens_since = since

    async def _begin(self) -> None:
        """Wait for the database, and find out which one it is."""
        backoff = Backoff()
        while True:
            try:
                self.doors.secret = await self._secret()
            except Transient as error:
                self._on_database("watermarks", str(error))
                _log.warning("database_away", reason=str(error))
                await self._publishing.drop()
                await self._clock.sleep(backoff.next_s())
                continue
            self._on_database("watermarks", None)
            return

    async def _secret(self) -> str:
        try:
            return await watermarks.session_secret(await self._publishing.connection())
        except psycopg.Error as error:
            raise sorted_error(error) from error

    async def _finish(self, writing: "asyncio.Future[None]") -> None:
        """Read no more, commit and acknowledge what was read, as far as the database lets us."""
        self.doors.pause()
        _log.info("finishing", held=self.held.messages)
        self._writer.finish()
        try:
            async with asyncio.timeout(_FINISH_WITHIN_S):
                await asyncio.shield(writing)
        except TimeoutError:
            _log.warning("unfinished", held=self.held.messages, detail="the broker will deliver these again")

    async def _until(self, stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        await _first_failure([task], stop, until_done=True)
        task.cancel()

    def _database(self, name: str, prepare: Prepare | None = None) -> Database:
        return Database(self._settings.database_url, name, self._identity, prepare)

    def _watch(self, node: KnownNode, entry: Entry) -> None:
        """See each samples message of a known node go by."""
        delivery = entry.delivery
        received_ms = delivery.received_ms
        if delivery.line is self._replays:
            entry.is_exception = True  # its row in the quarantine goes in the same transaction
            return
        if entry.is_exception:
            self._on_exception(entry)
        if not node.is_news(entry.stream, received_ms):
            return
        self._presence.pack(node.node_id, received_ms)
        times_ms = [time_ms for _, time_ms, _ in entry.rows] + [each.time_ms for each in entry.undated]
        if times_ms:
            again = delivery.duplicate or delivery.retained
            self._clocks.packs(node.node_id, node.org_id, max(times_ms), received_ms, again=again)
        if entry.stream is not None and entry.rows:
            other = node.epochs.note(entry.stream[1], entry.rows[0][1], received_ms)
            if other is not None:
                _log.error("epochs_growing_at_once", node=str(node.name), epochs=[entry.stream[1], other])
                self.metrics.twins.inc()
                self._housekeeping.report_twins(node, [entry.stream[1], other])

    def _on_exception(self, entry: Entry) -> None:
        """See a message that brings more than samples."""
        if entry.delivery.line is not self._replays:
            self._floods.judge(entry)
        if entry.ahead_ms and entry.node_id is not None and entry.org_id is not None:
            self._clocks.ahead(entry.node_id, entry.org_id, entry.ahead_ms, entry.delivery.received_ms)

    def _on_committed(self, batch: Batch) -> None:
        for node_id, _ in batch.streams():
            self._publisher.news(node_id)
        if self._traces is not None:
            self._traces.committed(batch)

    def _on_database(self, who: str, problem: str | None) -> None:
        """Take what one user of the database found; it is well when all of them are."""
        self._problems[who] = problem
        found = next((each for each in self._problems.values() if each is not None), None)
        self.health.set("database", found is None, found or "")

    def _on_link(self, name: str, problem: str | None) -> None:
        self.health.set(name, problem is None, problem or "")
        if problem is not None:
            return
        if name == "broker":
            self._publisher.all_news()
        if self.held.is_full:
            self.doors.pause()


def _window(settings: IngestSettings) -> TimeWindow:
    return TimeWindow.of_days(
        settings.believed_past_days,
        settings.believed_future_days,
        settings.near_past_days,
        settings.clock_tolerance_s,
    )


async def _first_failure(
    tasks: "Sequence[asyncio.Future[None]]", stop: asyncio.Event, *, until_done: bool = False
) -> None:
    """Wait until told to stop, or until a task ends; raise what it raised."""
    stopping = asyncio.ensure_future(stop.wait())
    try:
        waited: set[asyncio.Future[Any]] = {stopping, *tasks}
        done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    for task in done - {stopping}:
        task.result()
        if not until_done:
            raise Fatal("a task of ingest ended though nobody told it to")
