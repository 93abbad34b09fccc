"""Ingest says that it runs, what it hears, and how far it is behind."""

import pytest

from siloscope_ingest.attendance import Attendance
from siloscope_ingest.database import Database, Identity
from siloscope_ingest.errors import Transient
from siloscope_process.clock import ManualClock
from siloscope_store.connections import connect_async
from siloscope_store.ingest_presence import ask, told


class Waiting:
    """What a worker holds, as far as attendance asks."""

    messages = 0
    released = 0


@pytest.mark.postgres
async def test_a_worker_notes_that_it_is_there(migrated_postgres_url: str) -> None:
    clock, held, connected = ManualClock(), Waiting(), [True]
    database = Database(migrated_postgres_url, "test", Identity())
    attendance = Attendance(database, "main", lambda: connected[0], held, clock)  # type: ignore[arg-type]
    await attendance.note(forget=True)
    held.messages = 3
    for _ in range(4):
        clock.advance(3)
        await attendance.note()
    connected[0] = False
    async with await connect_async(migrated_postgres_url, autocommit=True) as connection:
        (found,) = await told(await ask(connection))
        assert (found.worker, found.broker_connected, found.lag_s) == ("main", True, 12.0)
        await attendance.note()
        (later,) = await told(await ask(connection))
    assert not later.broker_connected
    assert later.seen_at > found.seen_at
    await database.drop()


async def test_a_database_that_is_away_is_tried_again() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none", "test", Identity())
    attendance = Attendance(database, "main", lambda: True, Waiting(), ManualClock())  # type: ignore[arg-type]
    with pytest.raises(Transient):
        await attendance.note()
