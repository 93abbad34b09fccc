"""The databases that every other test stands on."""

import psycopg
import pytest


def test_a_database_is_empty_and_of_the_home_it_says(database_url: str, database_home: str) -> None:
    with psycopg.connect(database_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        timescale = connection.execute(
            "SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'"
        ).fetchone()
    assert tables == (0,)
    assert timescale == (1 if database_home == "timescale" else 0,)


@pytest.mark.postgres
def test_nobody_enters_without_the_password(postgres_database_url: str) -> None:
    head, _, tail = postgres_database_url.partition("@")
    user, _, _ = head.rpartition(":")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"{user}:wrong@{tail}")
