"""Migrations: their names and order, each forward and back, and what they refuse."""

import re
import threading
from importlib.resources import files

import pytest

from siloscope_store import flavour, schema
from siloscope_store.connections import connect
from siloscope_store.errors import DatabaseRefused, NameUnknown, SchemaOutdated
from tests.store.catalogue import catalogue

FOLDER = files("siloscope_store").joinpath("migrations")
FILES = sorted(path.name for path in FOLDER.iterdir())


def test_migrations_are_numbered_without_a_gap_and_named() -> None:
    names = schema.names()
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]
    assert all(re.fullmatch(r"\d{4}_[a-z_]+", name) for name in names)


def test_every_migration_has_a_way_back_and_nothing_else_lies_there() -> None:
    assert sorted(FILES) == sorted(f"{name}{ending}" for name in schema.names() for ending in (".sql", ".rollback.sql"))


def test_a_migration_depends_on_older_ones_only() -> None:
    names = schema.names()
    for name in names:
        text = FOLDER.joinpath(f"{name}.sql").read_text("utf-8")
        depends = [word for line in re.findall(r"^-- depends: (.*)$", text, re.MULTILINE) for word in line.split()]
        assert all(names.index(other) < names.index(name) for other in depends)


def test_each_migration_goes_forward_and_back_and_forward_to_the_same_schema(database_url: str) -> None:
    for name in schema.names():
        with connect(database_url, autocommit=True) as connection:
            before = catalogue(connection)
            assert schema.migrate(database_url, to=name) == [name]
            there = catalogue(connection)
            assert there != before
            assert schema.roll_back(database_url, 1) == [name]
            assert catalogue(connection) == before
            assert schema.migrate(database_url, to=name) == [name]
            assert catalogue(connection) == there


def test_a_schema_migrated_in_steps_equals_one_migrated_at_once(database_url: str) -> None:
    with connect(database_url, autocommit=True) as connection:
        for name in schema.names():
            schema.migrate(database_url, to=name)
        steps = catalogue(connection)
        schema.roll_back(database_url, len(schema.names()))
        schema.migrate(database_url)
        assert catalogue(connection) == steps


def test_a_second_migrate_does_nothing(migrated_database_url: str) -> None:
    assert schema.migrate(migrated_database_url) == []
    with connect(migrated_database_url) as connection:
        schema.require_current(connection)


def test_the_home_is_recognised(migrated_database_url: str, database_home: str) -> None:
    with connect(migrated_database_url) as connection:
        found = flavour.flavour(connection)
    assert (found is flavour.Flavour.PLAIN) == (database_home == "postgres")


@pytest.mark.postgres
def test_a_lock_left_by_a_killed_migration_stops_nobody(postgres_database_url: str) -> None:
    schema.migrate(postgres_database_url, to=schema.names()[0])
    with connect(postgres_database_url) as connection:
        connection.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 1)")
    assert schema.migrate(postgres_database_url) == schema.names()[1:]


@pytest.mark.postgres
def test_two_that_migrate_at_once_apply_everything_once(postgres_database_url: str) -> None:
    applied: list[str] = []
    threads = [threading.Thread(target=lambda: applied.extend(schema.migrate(postgres_database_url))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert applied == schema.names()


@pytest.mark.postgres
def test_a_service_refuses_a_database_that_was_not_migrated(postgres_database_url: str) -> None:
    with connect(postgres_database_url) as connection, pytest.raises(SchemaOutdated, match="siloscope db migrate"):
        schema.require_current(connection)


@pytest.mark.postgres
def test_a_refused_migration_leaves_nothing_behind(postgres_database_url: str) -> None:
    with connect(postgres_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE channel (found_here text)")
        with pytest.raises(DatabaseRefused, match=r'migration 0001_entities was refused.*"channel" already exists'):
            schema.migrate(postgres_database_url)
        assert connection.execute("SELECT to_regclass('public.organisation')").fetchone() == (None,)


@pytest.mark.postgres
def test_an_unknown_migration_is_named(postgres_database_url: str) -> None:
    with pytest.raises(NameUnknown, match="'9999_never'"):
        schema.migrate(postgres_database_url, to="9999_never")
