"""Fresh databases on a running server: cheap, so that every test has its own."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from siloscope_process import command_line

_numbers = itertools.count(1)


class TestServer:
    """A server that hands out databases; `migrated` ones are copies of a template that was migrated once."""

    __test__ = False

    def __init__(self, maintenance_url: str) -> None:
        self._maintenance_url = maintenance_url
        self._template: str | None = None

    @contextmanager
    def empty(self) -> Iterator[str]:
        """Give the URL of an empty database, dropped afterwards whoever is still connected."""
        name = self._create(None)
        try:
            yield self._url(name)
        finally:
            self._drop(name)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """Give the URL of a database with today's schema and no rows."""
        if self._template is None:
            self._template = self._create(None)
            migrate(self._url(self._template))
        name = self._create(self._template)
        try:
            yield self._url(name)
        finally:
            self._drop(name)

    def close(self) -> None:
        """Drop the template: the server may be somebody else's."""
        if self._template is not None:
            self._drop(self._template)

    def _create(self, template: str | None) -> str:
        name = f"siloscope_test_{os.getpid()}_{next(_numbers)}"
        copied = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)) + copied)
        return name

    def _drop(self, name: str) -> None:
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._maintenance_url, autocommit=True) as connection:
            connection.execute(statement)

    def _url(self, name: str) -> str:
        return urlunsplit(urlsplit(self._maintenance_url)._replace(path=f"/{name}"))


def migrate(url: str) -> None:
    """Bring a database up to date by the same command that people use."""
    exit_code = command_line.main(["db", "migrate"], {"SILOSCOPE_DATABASE_URL": url, "SILOSCOPE_LOG_LEVEL": "warning"})
    assert exit_code == 0, f"siloscope db migrate ended with {exit_code}"
