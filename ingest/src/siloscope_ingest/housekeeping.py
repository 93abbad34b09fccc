"""What ingest writes beside the samples, now and then and never in their way: presence, declared numbers, reports."""

import psycopg
import structlog

from siloscope_ingest.clocks import ClockWatch
from siloscope_ingest.database import Database, sorted_error
from siloscope_ingest.errors import Transient
from siloscope_ingest.nodes import KnownNode
from siloscope_ingest.presence import PresenceBook
from siloscope_ingest.replays import Replays
from siloscope_process.clock import Clock
from siloscope_store import clocks, ledger, registry
from siloscope_store.ledger import Declared
from siloscope_store.registry import Presence

_log = structlog.get_logger(__name__)
_EVERY_S = 1.0


class Housekeeping:
    """Writes what the presence book gathered, and what people must be told.

    Args:
        database: A connection of its own.
        presence: What is to be written.
        clocks: What nodes' clocks did.
        replays: Told to look for messages of the quarantine that are to be tried again.
        clock: For the pauses.
    """

    def __init__(
        self,
        database: Database,
        presence: PresenceBook,
        clocks: ClockWatch,
        replays: Replays,
        clock: Clock,
    ) -> None:
        self._database = database
        self._presence = presence
        self._clocks = clocks
        self._replays = replays
        self._clock = clock
        self._taken: tuple[list[Presence], list[Declared]] | None = None
        self._twins: list[tuple[KnownNode, list[str]]] = []

    def report_twins(self, node: KnownNode, epochs: list[str]) -> None:
        """Have it written that two starts of a node are alive at once."""
        self._twins.append((node, epochs))

    async def run(self) -> None:
        """Write now and then, until cancelled.

        Raises:
            Fatal: The database refuses us.
        """
        while True:
            await self._clock.sleep(_EVERY_S)
            try:
                await self._write()
                await self._look()
            except Transient as error:
                _log.warning("presence_not_written", reason=str(error))
                await self._database.drop()

    async def _look(self) -> None:
        """Write what clocks did, and look for what is to be tried again."""
        connection = await self._database.connection()
        events, ended = self._clocks.take()
        try:
            if events or ended:
                await clocks.note(connection, events, ended)
            await self._replays.look(connection)
        except psycopg.Error as error:
            reason = sorted_error(error)
            if isinstance(reason, Transient):
                self._clocks.put_back(events, ended)
                raise reason from error
            _log.error("clock_events_refused", reason=str(reason))
            return
        for event in events:
            _log.warning(
                "clock", node_id=event.node_id, kind=event.kind, offset_s=event.offset_s, before_s=event.before_s
            )

    async def _write(self) -> None:
        presences, declared = self._taken = self._taken or self._presence.take()
        if not (presences or declared or self._twins):
            self._taken = None
            return
        connection = await self._database.connection()
        try:
            if presences:
                await registry.note_presence(connection, presences)
            if declared:
                await ledger.declare(connection, declared)
            while self._twins:
                node, epochs = self._twins[0]
                await registry.audit(
                    connection, node.org_id, "epochs_growing_at_once", str(node.name), {"epochs": epochs}
                )
                self._twins.pop(0)
        except psycopg.Error as error:
            reason = sorted_error(error)
            if not isinstance(reason, Transient):
                _log.error("presence_refused", reason=str(reason))
                self._taken = None
                return
            raise reason from error
        self._taken = None
