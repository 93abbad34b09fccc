"""TimescaleDB for tests: it survives a kill, and never outlives whoever started it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from siloscope_deploy.servers.debian_root import cache_directory, debian_root
from siloscope_deploy.servers.timescale import ForeignServer, TimescaleServer, docker_answers, find_timescale
from siloscope_process.errors import Unavailable
from tests.components import component_missing

GONE_WITHIN_S = 10

OWNER = """
import os, sys
from pathlib import Path
from siloscope_deploy.servers.timescale import TimescaleServer
server = TimescaleServer(Path(sys.argv[1]))
server.start()
print(server.pid, server.directory, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture(scope="module")
def tree() -> Path:
    environ = dict(os.environ)
    if environ.get("SILOSCOPE_TEST_DATABASE_URL") or docker_answers():
        pytest.skip("TimescaleDB comes from elsewhere on this machine")
    try:
        return debian_root(environ)
    except Unavailable as reason:
        component_missing(environ, "TimescaleDB", str(reason))


@pytest.fixture
def server(tree: Path) -> Iterator[TimescaleServer]:
    server = TimescaleServer(tree, durable=True)
    server.start()
    yield server
    server.discard()


def test_a_given_server_is_used_as_it_is() -> None:
    url = "postgresql://somebody@db.example/postgres"
    found = find_timescale({"SILOSCOPE_TEST_DATABASE_URL": url})
    assert isinstance(found, ForeignServer)
    assert (found.url, found.pid) == (url, None)
    with pytest.raises(Unavailable, match="not ours to kill"):
        found.kill()


@pytest.mark.timescale
def test_what_was_committed_survives_a_kill(server: TimescaleServer) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE EXTENSION timescaledb")
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    url = server.url
    server.kill()
    assert server.pid is None
    server.start()
    assert server.url == url
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


@pytest.mark.timescale
def test_a_replica_takes_over_what_was_committed(tree: Path, server: TimescaleServer) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE EXTENSION timescaledb")
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    replica = TimescaleServer(tree, durable=True, settings={"shared_buffers": "64MB"})
    try:
        replica.follow(server)
        server.kill()
        with psycopg.connect(replica.url, autocommit=True) as connection:
            assert connection.execute("SHOW shared_buffers").fetchone() == ("64MB",)
            assert connection.execute("SELECT pg_is_in_recovery(), pg_promote(true, 30)").fetchone() == (True, True)
            connection.execute("INSERT INTO kept VALUES (8)")
            assert connection.execute("SELECT number FROM kept ORDER BY 1").fetchall() == [(7,), (8,)]
    finally:
        replica.discard()


@pytest.mark.timescale
@pytest.mark.parametrize(("durable", "expected"), [(True, "on"), (False, "off")])
def test_it_commits_to_disk_where_a_benchmark_asks_for_it(tree: Path, *, durable: bool, expected: str) -> None:
    server = TimescaleServer(tree, durable=durable)
    try:
        server.start()
        with psycopg.connect(server.url) as connection:
            for name in ("fsync", "full_page_writes"):
                assert connection.execute(f"SHOW {name}").fetchone() == (expected,)
    finally:
        server.discard()


@pytest.mark.timescale
def test_a_killed_owner_leaves_no_process_and_its_data_is_swept(tree: Path) -> None:
    owner = subprocess.run([sys.executable, "-c", OWNER, str(tree)], capture_output=True, text=True, check=False)
    assert owner.returncode == -9, owner.stderr
    pid, directory = owner.stdout.split()
    deadline = time.monotonic() + GONE_WITHIN_S
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "the server outlived its owner"
        time.sleep(0.02)
    TimescaleServer(tree).discard()
    assert not Path(directory).exists()


def test_the_cache_is_not_inside_the_repository() -> None:
    assert not cache_directory(os.environ).is_relative_to(Path(__file__).parents[2])
