"""A connection that ends before it was of any use, and a database that is put back while nobody looks."""

import psycopg
import pytest

from siloscope_contract.topics import Kind, Topic
from siloscope_ingest.database import Connection, Database, Identity
from siloscope_ingest.errors import StoreChanged, Transient
from siloscope_store import log_position, watermarks
from tests.brokers import OTHER_NODE
from tests.ingest.messages import BIRTH, birth, pack
from tests.ingest.unplugged import unplugged


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


@pytest.mark.postgres
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "merely-sent"])
async def test_what_is_learnt_of_the_registry_is_in_no_copy_that_passes_for_this_database(
    postgres_farm_url: str, now_ms: int, *, announced: bool
) -> None:
    async with unplugged(postgres_farm_url) as worker:  # nobody publishes, and looks once a second meanwhile
        worker.send(birth("one"), now_ms, BIRTH)
        worker.send(pack(1, now_ms, 20.0), now_ms)
        await worker.settled()
        with psycopg.connect(postgres_farm_url) as other:
            copied = other.execute("SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::int8").fetchone()
        if announced:
            worker.send(birth("two"), now_ms, Topic(OTHER_NODE, Kind.BIRTH).text())
        else:
            worker.send(pack(1, now_ms, 20.0), now_ms, Topic(OTHER_NODE, Kind.SAMPLES).text())
        await worker.settled()
        assert copied is not None
        assert worker.service._identity._reached > copied[0]


@pytest.mark.postgres
@pytest.mark.parametrize(
    "as_in_a_copy",
    ["DELETE FROM sample_group WHERE {newest}", "UPDATE sample_group SET created_at = '2020-01-01' WHERE {newest}"],
    ids=["it-is-not-there", "its-number-is-anothers"],
)
async def test_a_copy_without_a_group_that_is_relied_on_is_another_database_however_long_its_log_is(
    postgres_farm_url: str, now_ms: int, as_in_a_copy: str
) -> None:
    async with unplugged(postgres_farm_url) as worker:
        worker.send(birth("one"), now_ms, BIRTH)
        worker.send(pack(1, now_ms, 20.0), now_ms)
        await worker.settled()
        registering, writing = worker.service._registering, worker.service._writing
        await registering.drop()
        await registering.connection()  # the same again
        with psycopg.connect(postgres_farm_url) as other:
            other.execute("SET session_replication_role = replica")
            other.execute(as_in_a_copy.format(newest="group_id = (SELECT max(group_id) FROM sample_group)"))
        await writing.drop()
        with pytest.raises(StoreChanged):
            await writing.connection()


@pytest.mark.parametrize(
    ("before", "now", "back"), [(0, 5, False), (9000, 9000, False), (9000, 8000, False), (9000, 1, True)]
)
def test_a_torn_record_at_the_end_of_the_log_is_no_way_back(before: int, now: int, *, back: bool) -> None:
    assert log_position.went_back(before, now) is back
