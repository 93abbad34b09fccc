"""That this worker runs, hears its broker, and how far it is behind: alerting judges absence of data by it."""

from collections.abc import Callable

import psycopg
import structlog

from siloscope_ingest.database import Database, sorted_error
from siloscope_ingest.errors import Rejected, Transient
from siloscope_ingest.gauges import OldestHeld
from siloscope_ingest.held import Held
from siloscope_process.clock import Clock
from siloscope_store import ingest_presence

_log = structlog.get_logger(__name__)
EVERY_S = 1.0
_FORGET_EVERY = 1_000
"""Notes between two removals of workers that are no more."""


class Attendance:
    """Notes every second that a worker is there.

    Args:
        database: A connection of its own: absence is unknown while this is not written.
        worker: Its name.
        is_connected: Whether it hears its broker.
        held: What it has and has not committed.
        clock: For the pauses.
    """

    def __init__(
        self, database: Database, worker: str, is_connected: Callable[[], bool], held: Held, clock: Clock
    ) -> None:
        self._database = database
        self._worker = worker
        self._is_connected = is_connected
        self._held = held
        self._clock = clock
        self._oldest = OldestHeld()

    async def run(self) -> None:
        """Note until cancelled.

        Raises:
            Fatal: The database refuses us.
        """
        notes = 0
        while True:
            try:
                await self.note(forget=notes % _FORGET_EVERY == 0)
            except (Transient, Rejected) as error:
                _log.debug("attendance_not_noted", reason=str(error))
                await self._database.drop()
            notes += 1
            await self._clock.sleep(EVERY_S)

    async def note(self, *, forget: bool = False) -> None:
        """Note once.

        Raises:
            Transient: The database is away.
        """
        held = self._held
        lag_s = self._oldest.age_s(self._clock.monotonic_s(), held.released + held.messages, held.released)
        connection = await self._database.connection()
        try:
            await ingest_presence.note(
                connection, self._worker, broker_connected=self._is_connected(), lag_s=max(lag_s, 0.0)
            )
            if forget:
                await ingest_presence.forget(connection)
        except psycopg.Error as error:
            raise sorted_error(error) from error
