"""The real servers that tests run against, each started at most once per test process and only when asked for.

| fixture | gives |
|---|---|
| `postgres_database_url`, `timescale_database_url` | an empty database of that home |
| `database_url` | an empty database, the test runs once per home |
| `migrated_postgres_url`, `migrated_timescale_url` | a database with today's schema |
| `migrated_database_url` | the same, the test runs once per home |
| `nats_broker`, `mosquitto_broker` | a broker (tests.brokers.TestBroker) with credentials for everybody |
| `broker` | the same, the test runs once per broker |

And `compiled`, for tests of what is compiled: they are left out where it is not.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import siloscope_native
from siloscope_deploy.servers.accounts import temporary_home
from siloscope_deploy.servers.postgres import PostgresServer
from siloscope_deploy.servers.timescale import FAST, find_timescale, timescale_obstacle
from siloscope_process.errors import Unavailable
from tests.brokers import TestBroker
from tests.components import component_missing
from tests.databases import TestServer

# The same examples at every run; and a machine that is busy is no fault of the code under test.
settings.register_profile("siloscope", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("siloscope")

HOMES = [
    pytest.param("postgres", marks=pytest.mark.postgres),
    pytest.param("timescale", marks=pytest.mark.timescale),
]
BROKERS = [
    pytest.param("nats", marks=pytest.mark.nats),
    pytest.param("mosquitto", marks=pytest.mark.mosquitto),
]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly when tests that are meant for TimescaleDB did not have it."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    meant = any("timescale" in getattr(report, "nodeid", "") for report in reports)
    if meant and (obstacle := timescale_obstacle(os.environ)):
        terminalreporter.write_sep("!", "PLAIN POSTGRESQL ONLY", red=True, bold=True)
        terminalreporter.write_line(f"{obstacle}. What is the same on both was tested on plain PostgreSQL alone.")


@pytest.fixture(scope="session")
def compiled() -> None:
    """The compiled module; a machine without a C compiler has none."""
    if siloscope_native.OBSTACLE is not None:
        component_missing(os.environ, "siloscope_native, compiled", siloscope_native.OBSTACLE)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[TestServer]:
    """The embedded PostgreSQL: needs nothing but its wheel, so it is never missing."""
    with temporary_home() as home:
        server = PostgresServer(home / "postgres", settings=FAST)
        server.start()
        yield TestServer(server.url_of("postgres"))
        server.stop()


@pytest.fixture(scope="session")
def timescale_server() -> Iterator[TestServer]:
    """TimescaleDB, from wherever this machine has it."""
    environ = dict(os.environ)
    try:
        server = find_timescale(environ)
        server.start()
    except Unavailable as reason:
        component_missing(environ, "TimescaleDB", str(reason))
    databases = TestServer(server.url)
    yield databases
    databases.close()
    server.discard()


@pytest.fixture
def postgres_database_url(postgres_server: TestServer) -> Iterator[str]:
    """An empty database on plain PostgreSQL."""
    with postgres_server.empty() as url:
        yield url


@pytest.fixture
def timescale_database_url(timescale_server: TestServer) -> Iterator[str]:
    """An empty database on a server that has TimescaleDB; the extension is not yet created in it."""
    with timescale_server.empty() as url:
        yield url


@pytest.fixture
def migrated_postgres_url(postgres_server: TestServer) -> Iterator[str]:
    """A database with today's schema on plain PostgreSQL."""
    with postgres_server.migrated() as url:
        yield url


@pytest.fixture
def migrated_timescale_url(timescale_server: TestServer) -> Iterator[str]:
    """A database with today's schema on TimescaleDB."""
    with timescale_server.migrated() as url:
        yield url


@pytest.fixture(params=HOMES)
def database_home(request: pytest.FixtureRequest) -> str:
    """The home of the schema that this run of the test uses: "postgres" or "timescale"."""
    return str(request.param)


@pytest.fixture
def database_url(database_home: str, request: pytest.FixtureRequest) -> str:
    """An empty database, once per home."""
    return str(request.getfixturevalue(f"{database_home}_database_url"))


@pytest.fixture
def migrated_database_url(database_home: str, request: pytest.FixtureRequest) -> str:
    """A database with today's schema, once per home."""
    return str(request.getfixturevalue(f"migrated_{database_home}_url"))


@pytest.fixture
def nats_broker() -> Iterator[TestBroker]:
    """NATS speaking MQTT, from its wheel."""
    with temporary_home() as home:
        broker = TestBroker("nats", home / "nats")
        broker.start()
        yield broker
        broker.stop()


@pytest.fixture
def mosquitto_broker() -> Iterator[TestBroker]:
    """Debian's Mosquitto."""
    with temporary_home() as home:
        try:
            broker = TestBroker("mosquitto", home / "mosquitto")
        except Unavailable as reason:
            component_missing(dict(os.environ), "Mosquitto", str(reason))
        broker.start()
        yield broker
        broker.stop()


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest) -> TestBroker:
    """A broker, once per kind."""
    found = request.getfixturevalue(f"{request.param}_broker")
    assert isinstance(found, TestBroker)
    return found
