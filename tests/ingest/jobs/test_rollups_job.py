"""What the job of the roll-ups tells of itself."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from psycopg import AsyncConnection, Connection

from siloscope_ingest.jobs.metrics import JobMetrics
from siloscope_ingest.jobs.rollups import Rollups
from siloscope_process.clock import ManualClock, to_ms
from siloscope_store.connections import connect, connect_async

pytestmark = pytest.mark.postgres


@pytest.fixture
async def connection(migrated_postgres_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    async with await connect_async(migrated_postgres_url, autocommit=True) as connection:
        yield connection


async def test_the_lag_grows_while_nothing_gets_done(
    migrated_postgres_url: str, connection: AsyncConnection[Any]
) -> None:
    registry = CollectorRegistry()
    metrics = JobMetrics(registry)
    with connect(migrated_postgres_url, autocommit=True) as owner:
        clock = ManualClock(to_ms(_now(owner)))
    job = Rollups(0, clock, metrics)

    def lag_s() -> float | None:
        return registry.get_sample_value("siloscope_rollup_lag_seconds", {"level": "hour"})

    assert lag_s() is None
    await job.run(connection)
    assert lag_s() == 0
    clock.advance(timedelta(hours=3).total_seconds())
    await connection.close()
    with pytest.raises(psycopg.Error):
        await job.run(connection)
    assert (lag_s() or 0) >= timedelta(hours=1).total_seconds()
    metrics.standing_by.add("rollups")  # another process does it now, and tells of it
    assert lag_s() is None


def _now(owner: Connection[Any]) -> datetime:
    row = owner.execute("SELECT now()").fetchone()
    assert row is not None
    at: datetime = row[0]
    return at.astimezone(UTC)
