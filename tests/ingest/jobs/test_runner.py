"""One process does a job; a job that fails is tried again and stops no other."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from siloscope_ingest.jobs.job import Connection
from siloscope_ingest.jobs.metrics import JobMetrics
from siloscope_ingest.jobs.runner import JobRunner, run_all
from siloscope_process.clock import SystemClock
from siloscope_process.operations import Health
from tests.ingest.waiting import eventually

pytestmark = pytest.mark.postgres


class Counting:
    """Counts its runs; fails at those that it is told."""

    every_s = 0.01

    def __init__(self, name: str, *, fails_at: tuple[int, ...] = ()) -> None:
        self.name = name
        self.runs = 0
        self._fails_at = fails_at

    async def run(self, connection: Connection) -> bool:
        self.runs += 1
        if self.runs in self._fails_at:
            raise RuntimeError("it cannot be done")
        await connection.execute("SELECT 1")
        return False


class Process:
    """What one process is made of, as far as jobs go."""

    def __init__(self, url: str, *jobs: Counting) -> None:
        self.health = Health([job.name for job in jobs])
        self.metrics = JobMetrics(CollectorRegistry())
        self.stop = asyncio.Event()
        runners = [JobRunner(job, url, SystemClock(), self.health, self.metrics) for job in jobs]
        self.task = asyncio.ensure_future(run_all(runners, self.stop))

    async def end(self) -> None:
        self.stop.set()
        await self.task

    def told(self, job: str) -> Any:
        return self.health.report()["checks"][job]  # type: ignore[index]


async def test_a_failing_job_is_tried_again_and_stops_no_other(migrated_postgres_url: str) -> None:
    broken, well = Counting("broken", fails_at=(1, 2)), Counting("well")
    process = Process(migrated_postgres_url, broken, well)
    await eventually(lambda: process.told("broken")["detail"] == "it cannot be done", process.health.report)
    await eventually(lambda: broken.runs > 3 and well.runs > 3, lambda: (broken.runs, well.runs))
    await eventually(lambda: process.health.ready, process.health.report)
    assert process.metrics.failures.labels("broken")._value.get() == 2
    await process.end()


async def test_a_standby_takes_over_when_the_leader_ends(migrated_postgres_url: str) -> None:
    first, second = Counting("same"), Counting("same")
    leader = Process(migrated_postgres_url, first)
    await eventually(lambda: first.runs > 0, lambda: first.runs)
    standby = Process(migrated_postgres_url, second)
    await eventually(lambda: standby.told("same")["detail"] == "another process does it", standby.health.report)
    assert standby.health.ready
    assert second.runs == 0
    await leader.end()
    await eventually(lambda: second.runs > 0, lambda: second.runs)
    await standby.end()
