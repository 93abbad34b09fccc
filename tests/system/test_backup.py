"""A backup that is put back, and a replica that is promoted, under load: the edge sends again what is not there.

The edge keeps what was committed; a database that went back says so by a generation of its own, and everything that it
lacks is offered again.
"""

from collections.abc import Iterator

import psycopg
import pytest

from siloscope_deploy.servers.accounts import temporary_home
from siloscope_deploy.servers.ports import LOOPBACK
from siloscope_deploy.servers.postgres import DATABASE, ROLE, PostgresServer
from siloscope_process.command_line import main
from tests.brokers import NODE, TestBroker
from tests.system.backups import Copy, archiving_server, flush_wal, in_recovery
from tests.system.conftest import FLOWS_WITHIN_S, PERIOD_S
from tests.system.platform import Platform, wait_until
from tests.system.test_nothing_is_lost import assert_the_database_holds_what_was_spooled

pytestmark = [pytest.mark.system, pytest.mark.nats, pytest.mark.postgres]


@pytest.fixture
def archiving_platform() -> Iterator[Platform]:
    """A running platform whose database archives its WAL."""
    with temporary_home() as home:
        server, broker = archiving_server(home), TestBroker("nats", home / "nats")
        with Platform(home, broker=broker, database=server, node=NODE, period_s=PERIOD_S) as platform:
            wait_until(lambda: platform.samples() > 0, "the first sample is stored", FLOWS_WITHIN_S)
            yield platform


def test_a_point_in_time_restore_is_noticed_and_filled_up_again(archiving_platform: Platform) -> None:
    platform, server = archiving_platform, server_of(archiving_platform)
    copy = Copy(server, platform.home / "backup")
    copy.take()
    wait_for_more(platform, 200)
    moment = flush_wal(server.url)
    then, generation = platform.samples(), generation_of(server)
    wait_for_more(platform, 400)
    lost = platform.samples()
    flush_wal(server.url)
    wait_until(lambda: archived_up_to_now(server), "the WAL is archived")
    server.kill()
    copy.recover_to(platform.home / "wal", moment)
    copy.take_data_of(server)
    server.start()
    wait_until(lambda: in_recovery(server.url) is False, "the recovery ends")
    assert_went_back_to(server, then, lost)
    wait_until(lambda: generation_of(server) != generation, "a new generation")
    platform.wait_ready()
    assert_the_database_holds_what_was_spooled(platform)


def test_a_promoted_replica_that_lacked_the_last_commits_gets_them_again(archiving_platform: Platform) -> None:
    platform, server = archiving_platform, server_of(archiving_platform)
    copy = Copy(server, platform.home / "replica")
    copy.take()
    process, port = copy.follow(platform.home / "replica.log")
    url = f"postgresql://{ROLE}:{server.password}@{LOOPBACK}:{port}/{DATABASE}"
    try:
        wait_until(lambda: in_recovery(url) is True, "the replica follows")
        copy.stop_following()
        with psycopg.connect(url, autocommit=True) as replica:
            replica.execute("SELECT pg_reload_conf()")
            wait_until(lambda: hears_nothing(replica), "the replica hears no more")
        generation = generation_of(server)
        wait_for_more(platform, 200)
        server.kill()
        with psycopg.connect(url, autocommit=True) as replica:
            replica.execute("SELECT pg_promote(wait => false)")
        wait_until(lambda: in_recovery(url) is False, "the promotion")
    finally:
        process.stop()
    copy.take_data_of(server)  # what a changed address does elsewhere
    server.start()
    wait_until(lambda: generation_of(server) != generation, "a new generation")
    platform.wait_ready()
    assert_the_database_holds_what_was_spooled(platform)


def test_a_snapshot_that_is_put_back_is_told_by_hand_or_by_the_edge(archiving_platform: Platform) -> None:
    """It is recovered as after a crash: no timeline of its own says that it went back."""
    platform, server = archiving_platform, server_of(archiving_platform)
    copy = Copy(server, platform.home / "snapshot")
    copy.take()
    generation = generation_of(server)
    wait_for_more(platform, 300)
    for part in (platform.ingest, server):
        part.kill()
    copy.take_data_of(server)
    server.start()
    assert generation_of(server) == generation
    assert main(["db", "backup", "restored"], {"SILOSCOPE_DATABASE_URL": server.url}) == 0
    assert generation_of(server) != generation
    platform.ingest.start()
    platform.wait_ready()
    assert_the_database_holds_what_was_spooled(platform)


def test_wal_that_was_archived_right_before_a_crash_is_archived_again() -> None:
    """The server may not have noted it; were the second time an error, no WAL would ever leave it again."""
    with temporary_home() as home:
        server = archiving_server(home)
        server.start()
        flush_wal(server.url)
        wait_until(lambda: archived_up_to_now(server), "the WAL is archived")
        server.kill()
        noted = sorted((server.directory / "data" / "pg_wal" / "archive_status").glob("*.done"))
        noted[-1].rename(noted[-1].with_suffix(".ready"))
        server.start()
        flush_wal(server.url)
        try:
            wait_until(lambda: archived_up_to_now(server), "the WAL is archived")
            with psycopg.connect(server.url) as connection:
                assert connection.execute("SELECT failed_count FROM pg_stat_archiver").fetchone() == (0,)
        finally:
            server.stop()


def server_of(platform: Platform) -> PostgresServer:
    assert isinstance(platform.database, PostgresServer)
    return platform.database


def wait_for_more(platform: Platform, samples: int) -> None:
    enough = platform.samples() + samples
    wait_until(lambda: platform.samples() >= enough, f"{samples} more samples")


def generation_of(server: PostgresServer) -> str | None:
    try:
        with psycopg.connect(server.url) as connection:
            row = connection.execute("SELECT generation FROM store_identity").fetchone()
            return None if row is None else str(row[0])
    except psycopg.OperationalError:
        return None


def archived_up_to_now(server: PostgresServer) -> bool:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(
            "SELECT last_archived_wal >= pg_walfile_name(pg_current_wal_lsn() - 16 * 1024 * 1024) FROM pg_stat_archiver"
        ).fetchone()
        return row == (True,)


def hears_nothing(replica: psycopg.Connection) -> bool:
    return replica.execute("SELECT count(*) FROM pg_stat_wal_receiver").fetchone() == (0,)


def assert_went_back_to(server: PostgresServer, then: int, lost: int) -> None:
    """Ingest is writing again already: what it cannot have written yet is what the edge sends again by and by."""
    with psycopg.connect(server.url) as connection:
        row = connection.execute("SELECT timeline_id FROM pg_control_checkpoint()").fetchone()
    assert row is not None
    assert row[0] > 1 or then < lost
