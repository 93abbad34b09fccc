"""The job that compresses old chunks where TimescaleDB's licence has compression; elsewhere it finds nothing to do."""

import asyncio
from datetime import timedelta

import structlog

from siloscope_ingest.jobs.job import Connection
from siloscope_process.clock import Clock
from siloscope_store.connections import connect
from siloscope_store.retention import compressing

_log = structlog.get_logger(__name__)


class Compression:
    """Compresses, one chunk a run.

    Args:
        database_url: Where.
        after_days: How old the newest sample of a chunk is at least.
        clock: Says what is old.
    """

    name = "compression"
    every_s = 3600.0

    def __init__(self, database_url: str, after_days: float, clock: Clock) -> None:
        self._url = database_url
        self._after = timedelta(days=after_days)
        self._clock = clock

    async def run(self, _connection: Connection) -> bool:
        """Compress the oldest chunk that is due; return whether another one is."""
        return await asyncio.to_thread(self._work)

    def _work(self) -> bool:
        with connect(self._url, application_name="siloscope jobs compression work", autocommit=True) as connection:
            before = self._clock.now() - self._after
            due = compressing.due(connection, before)
            if due:
                compressing.compress(connection, due[0])
                _log.info("compressed", chunk=due[0].name)
        return len(due) > 1
