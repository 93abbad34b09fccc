"""What ingest's workers commit, by their own code, without a broker before them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from psycopg import AsyncConnection

from siloscope_ingest.accumulator import CommittedState
from siloscope_ingest.batches import Batch
from siloscope_ingest.database import prepare_writing
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.entries import Entry
from siloscope_ingest.origins import RecentBatches
from siloscope_ingest.shapes import Part
from siloscope_ingest.transaction import commit
from siloscope_process.clock import to_ms
from siloscope_store.quarantine import BatchNumber
from tests.store.farm import Group

MEASUREMENTS = 0


class Nobody:
    """Whoever acknowledges nothing."""

    def acknowledge(self, packet_ids: object) -> None:
        """Nothing came from a broker."""


@dataclass(frozen=True)
class Sample:
    """Values by position, and how many seconds before its batch arrives it was taken."""

    group: Group
    ago_s: float
    values: Mapping[int, float]


class Worker:
    """One worker of ingest: what it committed it knows, and nothing of the others.

    Args:
        connection: Its own, in autocommit mode.
    """

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self.connection = connection
        self._state = CommittedState()

    async def begin(self) -> None:
        """Make what a session needs that writes."""
        await prepare_writing(self.connection)

    async def commit(self, *samples: Sample, at: datetime | None = None) -> None:
        """Commit a batch of one pack; it arrived now, or at that time."""
        arrived = at or await self.now()
        entry = Entry(Delivery("topic", b"", to_ms(arrived), 1, Nobody()))
        for each in samples:
            positions = sorted(each.values)
            part = Part(each.group.group_id, MEASUREMENTS, list(enumerate(positions)), len(each.group.channels))
            time_ms = to_ms(arrived - timedelta(seconds=each.ago_s))
            values: list[float | None] = [each.values[position] for position in positions]
            entry.rows.append((part, time_ms, part.encode(time_ms, values, [0] * len(values), plain=True)))
        batch = Batch(self._state.open_spans, self._state.newest)
        assert batch.add(entry) is None
        await commit(self.connection, batch, BatchNumber(uuid4(), 1), RecentBatches(), lambda: None)
        self._state.learn(batch)

    async def now(self) -> datetime:
        """Return the database's time."""
        row = await (await self.connection.execute("SELECT clock_timestamp()")).fetchone()
        assert row is not None
        return row[0]  # type: ignore[no-any-return]
