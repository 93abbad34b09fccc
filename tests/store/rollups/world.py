"""A farm whose samples are written as ingest writes them, and rolled up as the job does."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection, sql

from siloscope_process.clock import to_ms
from siloscope_store import rollup_marks, samples
from siloscope_store.rollups import computing, progress, repairing
from siloscope_store.sample_rows import encode, incoming
from siloscope_store.samples import SampleTable
from tests.store.farm import Farm, Group
from tests.store.rollups import plain
from tests.store.rollups.plain import Kind

Sample = tuple[Group, datetime, list[float | None], list[int | None] | None]
CHANNELS = [
    ("t1", "temperature", "Cel"),
    ("wind_direction", "wind_direction", "deg"),
    ("rain", "rain", "mm"),
    ("t2", "temperature", "Cel"),
]
KINDS = {1: Kind(circular=True), 2: Kind(counter=True)}
COLUMNS = "samples, counts, minimum, maximum, mean, last, resultant, first, increase, reasons"


class World:
    """Writes, rolls up, and compares."""

    def __init__(self, farm: Farm, connection: AsyncConnection[Any]) -> None:
        self.farm = farm
        self.connection = connection
        self.closing = progress.Closing(0)
        self.groups: dict[int, tuple[Group, float | None]] = {}

    async def prepare(self) -> None:
        await samples.prepare(self.connection)
        await computing.prepare(self.connection)

    def zone(self, zone: str) -> None:
        self.farm.connection.execute("UPDATE site SET time_zone = %s WHERE site_id = %s", (zone, self.farm.site_id))

    def group(
        self, device: str, interval_s: float | None, channels: Sequence[tuple[str, str, str]] = CHANNELS
    ) -> Group:
        group = self.farm.group(device, channels, interval_s=interval_s)
        self.groups[group.group_id] = (group, interval_s)
        return group

    async def write(self, rows: Sequence[Sample]) -> None:
        """Write samples as one batch of ingest."""
        for begin in range(0, len(rows), 400):
            some = sorted(
                (encode(group.group_id, to_ms(at), values, quality), to_ms(at) // samples.SPAN_MS)
                for group, at, values, quality in rows[begin : begin + 400]
            )
            spans = sorted({span for _, span in some})
            for first in range(0, len(spans), samples.MOST_NEW_SPANS):
                await samples.make_room(self.connection, SampleTable.MEASUREMENTS, spans[first : first + 8])
            async with self.connection.transaction():
                await samples.write(
                    self.connection, SampleTable.MEASUREMENTS, incoming(dict.fromkeys(r for r, _ in some))
                )
                await rollup_marks.mark_incoming(self.connection, SampleTable.MEASUREMENTS)

    async def close(self, at: datetime) -> None:
        """Close what is due at a time."""
        assert await self.closing.step(self.connection, at) is not None

    async def work(self) -> bool:
        """Do what the job does in one turn."""
        now = await progress.horizon(self.connection)
        assert now is not None
        window = await progress.open_windows(self.connection, now.settled_to)
        if window is not None:
            while not await progress.compute_slice(self.connection, window):
                pass
        repaired = await repairing.repair_touched(self.connection)
        marked = repaired == 0 and await repairing.mark_groups(self.connection)
        return await repairing.rebuild_days(self.connection) or window is not None or repaired > 0 or marked

    async def roll_up(self, at: datetime | None = None) -> None:
        """Close what is due and compute until nothing waits."""
        if at is not None:
            await self.close(at)
        while await self.work():
            pass

    def rows(self, relation: str, group: Group, key: str = "bucket") -> dict[Any, tuple[Any, ...]]:
        query = sql.SQL("SELECT {}, {} FROM {} WHERE group_id = %s").format(
            sql.Identifier(key), sql.SQL(COLUMNS), sql.Identifier(relation)
        )
        return {row[0]: row[1:] for row in self.farm.connection.execute(query, (group.group_id,)).fetchall()}

    def done(self) -> dict[str, datetime]:
        found = self.farm.connection.execute("SELECT level, zone, done_to FROM rollup_progress").fetchall()
        return {level + zone: done_to for level, zone, done_to in found}

    def check(self, zone: str, kinds: dict[int, Kind] | None = None) -> int:
        """Compare every closed bucket of every group with a recomputation; return how many buckets there were."""
        done, buckets = self.done(), 0
        for group, interval_s in self.groups.values():
            levels: list[tuple[str, str, Any, datetime, timedelta]] = [
                ("rollup_hour", "bucket", plain.hour, done["hour"], timedelta(hours=1)),
            ]
            if interval_s is not None and interval_s <= 15:
                levels.append(("rollup_m5", "bucket", plain.five_minutes, done["m5"], timedelta(minutes=5)))
            for relation, key, bucket_of, done_to, length in levels:
                expected = plain.recomputed(self.farm.connection, group.group_id, bucket_of)
                since = self._m5_since(group) if relation == "rollup_m5" else None
                wanted = {
                    at: each
                    for at, each in expected.items()
                    if isinstance(at, datetime) and at + length <= done_to and (since is None or at >= since)
                }
                # What was computed before a group's interval became long stays, and nobody reads it.
                rows = self.rows(relation, group, key)
                found = {at: row for at, row in rows.items() if since is None or at >= since}
                buckets += self._compare(found, wanted, kinds)
            days = plain.recomputed(self.farm.connection, group.group_id, plain.day(zone))
            today = plain.day(zone)(done[f"day{zone}"])
            buckets += self._compare(
                self.rows("rollup_day", group, "day"),
                {at: each for at, each in days.items() if at < today},
                kinds,
            )
        return buckets

    def _m5_since(self, group: Group) -> datetime:
        row = self.farm.connection.execute(
            "SELECT since FROM rollup_m5_group WHERE group_id = %s", (group.group_id,)
        ).fetchone()
        assert row is not None
        since: datetime = row[0]
        return since

    @staticmethod
    def _compare(found: dict[Any, tuple[Any, ...]], wanted: dict[Any, Any], kinds: dict[int, Kind] | None) -> int:
        assert sorted(found) == sorted(wanted)
        for at, row in found.items():
            plain.compare(row, wanted[at], KINDS if kinds is None else kinds)
        return len(found)
