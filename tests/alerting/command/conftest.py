"""`siloscope alerts` over a database with one farm."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from psycopg import Connection

from siloscope_process.command_line import main
from siloscope_store.connections import connect
from tests.databases import TestServer
from tests.store.conftest import EMPTY
from tests.store.farm import Farm

Answer = tuple[int, str]
Alerts = Callable[..., Answer]


@pytest.fixture(scope="session")
def shared_url(postgres_server: TestServer) -> Iterator[str]:
    """One migrated database for all tests of this folder."""
    with postgres_server.migrated() as url:
        yield url


@pytest.fixture
def database_url(shared_url: str) -> str:
    """A database with today's schema and no rows."""
    with connect(shared_url, autocommit=True) as connection:
        connection.execute(EMPTY)
    return shared_url


@pytest.fixture
def owner(database_url: str) -> Iterator[Connection[Any]]:
    """A connection of the schema's owner."""
    with connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def farm(owner: Connection[Any]) -> Farm:
    """The farm whose alerts are meant."""
    return Farm(owner, "ours")


@pytest.fixture
def alerts(database_url: str, capsys: pytest.CaptureFixture[str]) -> Alerts:
    """Run `siloscope alerts` and return its exit code with what it said, errors last."""

    def run(*arguments: str | int, environ: Sequence[tuple[str, str]] = ()) -> Answer:
        capsys.readouterr()
        code = main(["alerts", *map(str, arguments)], {"SILOSCOPE_DATABASE_URL": database_url, **dict(environ)})
        said = capsys.readouterr()
        return code, said.out + said.err

    return run
