"""A platform of real processes for each test, as one of two pairs of broker and database."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from siloscope_deploy.servers.accounts import temporary_home
from siloscope_deploy.servers.postgres import PostgresServer
from siloscope_deploy.servers.timescale import ForeignServer, find_timescale, timescale_obstacle
from siloscope_process.errors import Unavailable
from tests.brokers import NODE, TestBroker
from tests.components import REQUIRE_ALL, component_missing
from tests.system.platform import Database, Platform, wait_until

PERIOD_S = 0.2
FLOWS_WITHIN_S = 30.0


@pytest.fixture
def platform(request: pytest.FixtureRequest) -> Iterator[Platform]:
    """A running platform whose samples flow."""
    broker_kind, database_kind = request.param
    with temporary_home() as home, database_server(database_kind, home) as database:
        try:
            broker = TestBroker(broker_kind, home / broker_kind)
        except Unavailable as reason:
            component_missing(dict(os.environ), broker_kind, str(reason))
        with Platform(home, broker=broker, database=database, node=NODE, period_s=PERIOD_S) as platform:
            wait_until(lambda: platform.samples() > 0, "the first sample is stored", FLOWS_WITHIN_S)
            yield platform


@contextmanager
def database_server(kind: str, home: Path) -> Iterator[Database]:
    """Give a server of that kind, not yet started, which commits to disk as in production.

    Where there is no TimescaleDB to be had, plain PostgreSQL serves instead; the end of the run says so.
    """
    environ = dict(os.environ)
    plainly = kind == "timescale" and not environ.get(REQUIRE_ALL) and timescale_obstacle(environ)
    if kind == "postgres" or plainly:
        yield PostgresServer(home / "postgres")
        return
    try:
        server = find_timescale(environ, durable=True)
    except Unavailable as reason:
        component_missing(environ, "TimescaleDB", str(reason))
    if isinstance(server, ForeignServer):
        component_missing(environ, "a TimescaleDB server that may be killed", "SILOSCOPE_TEST_DATABASE_URL is set")
    yield server
    server.discard()
