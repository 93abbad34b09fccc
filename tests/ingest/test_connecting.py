"""A connection that ends before it was of any use, and a database that is put back while nobody looks."""

import psycopg
import pytest

from siloscope_ingest.database import Connection, Database, Identity
from siloscope_ingest.errors import StoreChanged, Transient
from siloscope_store import log_position, watermarks


@pytest.mark.postgres
async def test_a_session_that_is_ended_while_it_is_prepared_is_tried_again(migrated_postgres_url: str) -> None:
    async def ended(connection: Connection) -> None:
        with psycopg.connect(migrated_postgres_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))
        await connection.execute("SELECT 1")

    with pytest.raises(Transient, match="administrator command"):
        await Database(migrated_postgres_url, "test", Identity(), ended).connection()


@pytest.mark.postgres
async def test_a_database_whose_log_is_shorter_than_it_was_gets_another_generation(
    migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(migrated_postgres_url, "test", identity := Identity())
    await identity.look(connection := await database.connection())
    before = await watermarks.identity(connection)
    await database.drop()
    await database.connection()  # the same again, which has only grown
    await database.drop()

    async def as_it_was_before(_connection: Connection) -> int:
        return 1

    monkeypatch.setattr(log_position, "reached", as_it_was_before)
    with pytest.raises(StoreChanged):
        await database.connection()
    monkeypatch.undo()
    after = await watermarks.identity(
        connection := await Database(migrated_postgres_url, "test", Identity()).connection()
    )
    await connection.close()
    assert after.store == before.store
    assert after.generation != before.generation


@pytest.mark.parametrize(
    ("before", "now", "back"), [(0, 5, False), (9000, 9000, False), (9000, 8000, False), (9000, 1, True)]
)
def test_a_torn_record_at_the_end_of_the_log_is_no_way_back(before: int, now: int, *, back: bool) -> None:
    assert log_position.went_back(before, now) is back
