"""Runs one job: waits for its lock, does the work on the session that holds it, and pauses.

A job that fails is tried again on a new session after a pause that grows; the others go on meanwhile.
"""

import asyncio

import psycopg
import structlog

from siloscope_ingest.backoff import Backoff
from siloscope_ingest.jobs.job import Connection, Job
from siloscope_ingest.jobs.metrics import JobMetrics
from siloscope_process.clock import Clock
from siloscope_process.errors import Stop
from siloscope_process.operations import Health
from siloscope_store import job_locks
from siloscope_store.connections import connect_async

_log = structlog.get_logger(__name__)
_LOOK_FOR_LOCK_S = 2.0
_LONGEST_PAUSE_S = 60.0


class JobRunner:
    """Runs a job until cancelled.

    Args:
        job: What to run.
        database_url: Where; the session is the runner's own.
        clock: For pauses and durations.
        health: Told how the last run ended, under the job's name; a standby is well.
        metrics: Told of every run.
    """

    def __init__(self, job: Job, database_url: str, clock: Clock, health: Health, metrics: JobMetrics) -> None:
        self._job = job
        self._url = database_url
        self._clock = clock
        self._health = health
        self._metrics = metrics
        self._connection: Connection | None = None

    async def run(self) -> None:
        """Run the job again and again, until cancelled."""
        backoff = Backoff(longest_s=_LONGEST_PAUSE_S)
        try:
            while True:
                try:
                    more = await self._once()
                    backoff = Backoff(longest_s=_LONGEST_PAUSE_S)
                    await self._clock.sleep(0 if more else self._job.every_s)
                except (psycopg.Error, Stop) as error:
                    # The database is away, or refuses: whatever it is, somebody reads it here, and it may pass.
                    await self._failed(error)
                    await self._clock.sleep(backoff.next_s())
                except Exception as error:
                    _log.exception("job_broken", job=self._job.name)
                    await self._failed(error)
                    await self._clock.sleep(backoff.next_s())
        finally:
            await self._drop()

    async def _once(self) -> bool:
        connection = await self._leading()
        began_s = self._clock.monotonic_s()
        more = await self._job.run(connection)
        name = self._job.name
        self._health.set(name, ok=True)
        self._metrics.runs.labels(name).inc()
        self._metrics.last_success.labels(name).set(self._clock.now_ms() / 1000)
        self._metrics.duration_s.labels(name).set(self._clock.monotonic_s() - began_s)
        return more

    async def _leading(self) -> Connection:
        """Return the session that holds the job's lock; wait for it while another process does."""
        if self._connection is not None and not self._connection.closed:
            return self._connection
        await self._drop()
        connection = await connect_async(
            self._url, application_name=f"siloscope jobs {self._job.name}", autocommit=True
        )
        self._connection = connection
        while not await job_locks.try_lead(connection, self._job.name):
            self._metrics.standing_by.add(self._job.name)
            self._health.set(self._job.name, ok=True, detail="another process does it")
            await self._clock.sleep(_LOOK_FOR_LOCK_S)
        self._metrics.standing_by.discard(self._job.name)
        self._metrics.leads.labels(self._job.name).set(1)
        _log.info("job_leads", job=self._job.name)
        return connection

    async def _failed(self, error: Exception) -> None:
        reason = " ".join((str(error).splitlines() or [type(error).__name__])[0].split())
        _log.warning("job_failed", job=self._job.name, reason=reason)
        self._health.set(self._job.name, ok=False, detail=reason)
        self._metrics.failures.labels(self._job.name).inc()
        await self._drop()

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._metrics.leads.labels(self._job.name).set(0)
        if connection is not None:
            await connection.close()


async def run_all(runners: "list[JobRunner]", stop: asyncio.Event) -> None:
    """Run jobs side by side until told to stop; what one is doing then is taken back, and done by its next run."""
    tasks = [asyncio.ensure_future(runner.run()) for runner in runners]
    try:
        await stop.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
