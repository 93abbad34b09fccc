"""Migrations while workers of the version before still write: they meet no error, and nobody waits for long."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from importlib.resources import files
from typing import Any, LiteralString

import psycopg
import pytest
import sqlparse
from psycopg import Connection, sql

from siloscope_deploy.servers.accounts import temporary_home
from siloscope_deploy.servers.postgres import PostgresServer
from siloscope_deploy.servers.timescale import FAST
from siloscope_store import schema
from siloscope_store.connections import connect
from siloscope_store.errors import DatabaseRefused
from tests.store.farm import NOW, Farm

BEFORE = "0008_undated_twins"
"""The newest migration of the version before."""

# What a worker of that version executes, word for word, in the order of its transaction.
PREPARE: Sequence[LiteralString] = (
    'CREATE TEMPORARY TABLE IF NOT EXISTS incoming_sample (group_id int4, "time" timestamptz, "values" float8[], '
    "quality int2[]) ON COMMIT DELETE ROWS",
    "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_latest (group_id int4, times timestamptz[], "
    '"values" float8[], quality int2[]) ON COMMIT DELETE ROWS',
    "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_accounted (node_id int4, epoch uuid, accounted int8multirange) "
    "ON COMMIT DELETE ROWS",
)
TRANSACTION: Sequence[LiteralString] = (
    "SELECT ensure_partitions('sample', ARRAY[%(time)s::timestamptz])",
    "INSERT INTO incoming_sample VALUES (%(group_id)s, %(time)s, ARRAY[1.5], NULL)",
    'INSERT INTO sample (group_id, "time", "values", quality) '
    'SELECT group_id, "time", "values", quality FROM incoming_sample ON CONFLICT (group_id, "time") DO NOTHING',
    'INSERT INTO sample_conflict (group_id, "time", position, kept_value, kept_quality, kept_epoch, kept_seq, '
    "other_value, other_quality, other_epoch, other_seq) "
    "VALUES (%(group_id)s, %(time)s, 0, 1, 0, NULL, NULL, 2, 0, NULL, NULL) ON CONFLICT DO NOTHING",
    'INSERT INTO undated (org_id, node_id, group_id, time_ms, "values", quality, epoch, seq, arrived_at) '
    "VALUES (%(org_id)s, %(node_id)s, %(group_id)s, %(seq)s, ARRAY[1.5], NULL, NULL, NULL, now()) "
    "ON CONFLICT DO NOTHING",
    "INSERT INTO gap_record (org_id, node_id, kind, epoch, first_seq, last_seq, from_time, to_time, device, count, "
    "detail, recorded_epoch, recorded_seq, recorded_index) VALUES (%(org_id)s, %(node_id)s, 'evicted', NULL, NULL, "
    "NULL, %(time)s, %(time)s, NULL, NULL, '', NULL, NULL, 0) ON CONFLICT DO NOTHING",
    "INSERT INTO seq_refused (node_id, epoch, seq, reason, detail) "
    "VALUES (%(node_id)s, %(epoch)s, %(seq)s, 'late', '') ON CONFLICT (node_id, epoch, seq) DO NOTHING",
    "INSERT INTO incoming_latest VALUES (%(group_id)s, ARRAY[%(time)s::timestamptz], ARRAY[1.5], NULL)",
    'INSERT INTO latest AS kept (group_id, times, "values", quality) '
    'SELECT group_id, times, "values", quality FROM incoming_latest ON CONFLICT (group_id) DO UPDATE SET '
    'times = excluded.times, "values" = excluded."values", quality = excluded.quality, updated_at = now(), '
    "changed_by = pg_current_xact_id() WHERE cardinality(kept.times) <= cardinality(excluded.times) "
    "AND (excluded.times[1] > ALL (kept.times)) IS NOT FALSE",
    "INSERT INTO incoming_accounted VALUES (%(node_id)s, %(epoch)s, int8multirange(int8range(%(seq)s, %(seq)s + 1)))",
    "INSERT INTO node_epoch AS e (node_id, epoch, accounted) SELECT node_id, epoch, accounted FROM incoming_accounted "
    "ON CONFLICT (node_id, epoch) DO UPDATE SET accounted = e.accounted + excluded.accounted, last_seen_at = now()",
)

LOCKED = (
    *("sample", "rollup_touched", "hole_touched", "sample_late", "sample_vitals", "sample_conflict", "undated"),
    *("gap_record", "seq_refused", "quarantine_counted", "quarantine", "quarantine_withheld", "latest"),
    *("relative_message", "node_epoch"),
)
"""The tables of a worker's transaction, in the order in which it writes them."""

# A worker's lock on what it writes waits for these.
HELD: LiteralString = """
SELECT relation::regclass::text FROM pg_locks
WHERE pid = pg_backend_pid() AND granted AND relation::regclass::text = ANY (%s)
    AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""

# One that begins soon after rows are gone, and that waits after each page.
EAGER_AND_SLOW: LiteralString = (
    "ALTER TABLE undated SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0, "
    "autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_cost_delay = 100)"
)
VACUUMED: LiteralString = "SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid = 'undated'::regclass"


class OldWorker:
    """Writes as the version before does, until told to stop; it gives up on whoever keeps it waiting for 10 s."""

    def __init__(self, url: str, what: dict[str, Any]) -> None:
        self._url = url
        self._what = what
        self._done = threading.Event()
        self._began = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.written = 0
        self.failures: list[psycopg.Error] = []

    @contextmanager
    def working(self) -> Iterator[None]:
        self._thread.start()
        assert self._began.wait(30)
        try:
            yield
        finally:
            self._done.set()
            self._thread.join()

    def _work(self) -> None:
        with connect(self._url, autocommit=True) as connection:
            connection.execute("SET lock_timeout = '10s'")
            for statement in PREPARE:
                connection.execute(statement)
            while not self._done.is_set():
                try:
                    self._write(connection)
                except psycopg.Error as error:
                    self.failures.append(error)
                    self._began.set()
                    return
                self._began.set()

    def _write(self, connection: Connection[Any]) -> None:
        told = {**self._what, "seq": self.written + 1, "time": NOW + timedelta(seconds=self.written)}
        with connection.transaction():
            for statement in TRANSACTION:
                connection.execute(statement, told)
        self.written += 1


@pytest.fixture
def worker(database_url: str) -> OldWorker:
    """A worker of the version before, on a database of its time."""
    schema.migrate(database_url, to=BEFORE)
    with connect(database_url, autocommit=True) as connection:
        farm = Farm(connection, "ours")
        group = farm.group("head", [("t1", "temperature", "Cel")])
    epoch = "00000000-0000-4000-8000-000000000001"
    return OldWorker(
        database_url, {"group_id": group.group_id, "org_id": farm.org_id, "node_id": farm.node_id, "epoch": epoch}
    )


def test_the_version_before_writes_on_while_the_schema_is_migrated(worker: OldWorker, database_url: str) -> None:
    with worker.working():
        applied = schema.migrate(database_url)
        during = worker.written
    assert not worker.failures
    assert applied == schema.names()[schema.names().index(BEFORE) + 1 :]
    with connect(database_url, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM sample").fetchone() == (worker.written,)
        accounted = connection.execute("SELECT accounted::text FROM node_epoch").fetchone()
    assert accounted == (f"{{[1,{worker.written + 1})}}",)
    assert worker.written >= during > 0


@pytest.mark.postgres
def test_a_migration_that_waits_for_a_long_transaction_gives_up_and_takes_nothing_with_it(
    postgres_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_TRIES", 2)
    schema.migrate(postgres_database_url, to="0007_freshness")
    with connect(postgres_database_url) as holder:
        holder.execute("LOCK TABLE undated IN ACCESS SHARE MODE")
        with pytest.raises(DatabaseRefused, match=r"migration 0008_undated_twins was refused.*lock timeout"):
            schema.migrate(postgres_database_url, to=BEFORE)
        holder.rollback()
    assert schema.migrate(postgres_database_url, to=BEFORE) == [BEFORE]


@pytest.mark.postgres
def test_a_migration_does_not_wait_for_a_vacuum_that_the_server_began_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schema, "_TRIES", 10)
    with temporary_home() as home:
        server = PostgresServer(home / "postgres", settings={**FAST, "autovacuum": "on", "autovacuum_naptime": "1s"})
        server.start()
        try:
            schema.migrate(server.url, to="0007_freshness")
            with connect(server.url, autocommit=True) as connection:
                begin_vacuum(connection)
            assert schema.migrate(server.url, to=BEFORE) == [BEFORE]
        finally:
            server.stop()


def begin_vacuum(connection: Connection[Any]) -> None:
    """Have so much of `undated` deleted that the server vacuums it, which takes it many seconds, and wait for that."""
    farm = Farm(connection, "ours")
    rows = (
        'INSERT INTO undated (org_id, node_id, group_id, time_ms, "values", quality, epoch, seq, arrived_at) '
        "SELECT %s, %s, %s, at, ARRAY[1.5], NULL, NULL, NULL, now() FROM generate_series(1, 10000) AS at"
    )
    group = farm.group("head", [("t1", "temperature", "Cel")])
    connection.execute(EAGER_AND_SLOW)
    connection.execute(rows, (farm.org_id, farm.node_id, group.group_id))
    connection.execute("DELETE FROM undated")
    deadline_s = time.monotonic() + 60
    while connection.execute(VACUUMED).fetchone() == (0,):
        assert time.monotonic() < deadline_s


def test_a_migration_locks_tables_in_the_order_in_which_workers_write_them(database_url: str) -> None:
    # Else it holds what a worker wants next and waits for what that worker has: one of the two must give up, and as
    # the next try meets the worker at the same place again, that may be the migration each time.
    schema.migrate(database_url, to=BEFORE)
    with connect(database_url) as worker, connect(database_url) as owner:
        for name in schema.names()[schema.names().index(BEFORE) + 1 :]:
            there = [table for table in LOCKED if is_there(worker, table)]
            for place, table in enumerate(there):
                with worker.transaction(force_rollback=True):
                    worker.execute(sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(sql.Identifier(table)))
                    held = locked_until_it_waits(owner, name)
                assert not held & set(there[place + 1 :]), f"{name} waits for {table}"
            schema.migrate(database_url, to=name)


def is_there(connection: Connection[Any], table: str) -> bool:
    with connection.transaction():
        return connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() != (None,)


def locked_until_it_waits(owner: Connection[Any], migration: str) -> set[str]:
    """Return which of a worker's tables a migration has locked when it meets a lock of somebody else, if it does."""
    text = files("siloscope_store").joinpath("migrations", f"{migration}.sql").read_text("utf-8")
    with owner.transaction(force_rollback=True):
        owner.execute("SET LOCAL lock_timeout = '10ms'")
        try:
            for statement in sqlparse.split(text):
                with owner.transaction():
                    owner.execute(statement.encode())
        except psycopg.errors.LockNotAvailable:
            return {name for (name,) in owner.execute(HELD, (list(LOCKED),)).fetchall()}
    return set()
