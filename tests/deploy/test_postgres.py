"""The embedded PostgreSQL as a server of our own."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from siloscope_deploy.errors import ServerFailed
from siloscope_deploy.local.identity import identify
from siloscope_deploy.servers.accounts import temporary_home
from siloscope_deploy.servers.postgres import PostgresServer

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with temporary_home() as folder:
        yield folder


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[PostgresServer]:
    running = PostgresServer(home / "postgres")
    running.start()
    yield running
    running.stop()


def test_nobody_gets_in_without_the_password_and_from_127_0_0_1_alone(server: PostgresServer) -> None:
    for wrong in ("", "postgres", "siloscope"):
        with pytest.raises(psycopg.OperationalError, match=r"password"):
            psycopg.connect(server.url.replace(server.password, wrong))
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)
        rules = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
    assert rules == [("scram-sha-256",)]


def test_a_kill_loses_nothing_that_was_committed_and_the_port_stays(server: PostgresServer) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
    url, pid = server.url, server.pid
    server.kill()
    assert identify(pid) is None
    server.start()
    assert server.url == url
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT value FROM kept").fetchone() == (7,)


def test_passwords_are_for_their_owners_eyes(server: PostgresServer) -> None:
    for name in ("password", "services-password"):
        assert (server.directory / name).stat().st_mode & 0o077 == 0


def test_services_own_their_database_and_are_no_superuser(server: PostgresServer) -> None:
    with psycopg.connect(server.services_url) as connection:
        assert connection.execute("SHOW is_superuser").fetchone() == ("off",)
        connection.execute("CREATE TABLE theirs (value int4)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("COPY theirs FROM PROGRAM 'echo 1'")


def test_what_is_wrong_with_a_setting_is_shown(home: Path) -> None:
    with pytest.raises(ServerFailed, match=r"ended while it started.*\n.*no_such_setting"):
        PostgresServer(home / "misled", settings={"no_such_setting": "1"}).start()
