"""A farm that is mirrored: a start of the mirror, and what the jobs beside it do."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry
from psycopg import AsyncConnection

from siloscope_ingest.mirror.endpoint import InfluxEndpoint
from siloscope_ingest.mirror.job import MirrorJob
from siloscope_ingest.mirror.metrics import MirrorMetrics
from siloscope_process.clock import ManualClock, to_ms
from tests.ingest.mirror.fake_influx import TOKEN, FakeInflux
from tests.store.farm import Farm, Group

SIX = datetime(2026, 2, 1, 6, tzinfo=UTC)


def at(second: float) -> datetime:
    return SIX + timedelta(seconds=second)


class Mirror:
    """One start of the mirror."""

    def __init__(self, url: str, token: str = TOKEN, timeout_s: float = 5, **options: Any) -> None:
        self.clock = ManualClock(to_ms(at(3600)))
        self.registry = CollectorRegistry()
        self.endpoint = InfluxEndpoint(url, "farm", "silo", token, timeout_s)
        self.job = MirrorJob(
            self.endpoint, self.clock, MirrorMetrics(self.registry), **{"since": SIX, "points": 50, **options}
        )

    async def run(self, connection: AsyncConnection[Any]) -> None:
        """Run until nothing waits."""
        while await self.job.run(connection):
            pass


def settle(farm: Farm, to: datetime) -> None:
    """Do what the job of the roll-ups does to its horizon."""
    farm.connection.execute(
        "INSERT INTO rollup_horizon (closed_to, settled_to) VALUES (%s, %s) "
        "ON CONFLICT (singleton) DO UPDATE SET closed_to = excluded.closed_to, settled_to = excluded.settled_to",
        (to, to),
    )


def late(farm: Farm, group: Group, rows: list[tuple[datetime, list[float | None], list[int | None] | None]]) -> None:
    """Store what came late, as ingest does: with marks."""
    farm.samples(group, rows)
    farm.connection.execute("SELECT touch_rollups(%s, %s)", ([group.group_id] * len(rows), [time for time, *_ in rows]))


def take_marks(farm: Farm) -> None:
    """Do what the job of the roll-ups does to marks."""
    farm.connection.execute("DELETE FROM rollup_touched")


def times(influx: FakeInflux, channel: str) -> list[float]:
    """Return the seconds after six at which a channel has points."""
    return sorted((time - to_ms(SIX)) / 1000 for head, time in influx.points if f"channel={channel}," in head)


async def driven(one: Mirror, connection: AsyncConnection[Any]) -> None:
    """Run while the clock goes on by itself."""
    running = asyncio.ensure_future(one.run(connection))
    while not running.done():
        await asyncio.sleep(0.001)
        if one.clock.sleepers:
            one.clock.advance(1)
    await running
