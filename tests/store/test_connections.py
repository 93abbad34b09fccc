"""What a server says when it lets nobody in is sorted into what passes and what does not; what each session is told."""

import psycopg
import pytest
from psycopg import sql

from siloscope_store.connections import connect, one_line_errors
from siloscope_store.errors import DatabaseRefused, DatabaseUnavailable

URL = "postgresql://me:hunter2@127.0.0.1:5432/db"


@pytest.mark.parametrize(
    "said",
    [
        "the database system is starting up",
        "sorry, too many clients already",
        "could not write init file: No space left on device",
        "could not fork new process for connection: Cannot allocate memory",
        "out of memory",
        "canceling authentication due to timeout",
    ],
)
def test_trouble_of_the_server_passes(said: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=f"does not answer: {said}"), one_line_errors(URL):
        raise psycopg.OperationalError(f'connection failed: connection to server at "127.0.0.1" failed: FATAL:  {said}')


@pytest.mark.parametrize(
    "said", ['password authentication failed for user "me"', 'database "db" does not exist', "no pg_hba.conf entry"]
)
def test_a_refusal_does_not(said: str) -> None:
    with pytest.raises(DatabaseRefused, match=f"refuses the connection: {said}"), one_line_errors(URL):
        raise psycopg.OperationalError(f'connection failed: connection to server at "127.0.0.1" failed: FATAL:  {said}')


def test_the_server_compiles_none_of_our_statements(database_url: str) -> None:
    with connect(database_url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET jit = on").format(name))
    assert said_of_jit(database_url) == "off"
    assert said_of_jit(f"{database_url}?options=-c%20jit%3Don") == "on", "whoever runs the server may say otherwise"


def said_of_jit(url: str) -> str:
    with connect(url) as connection:
        row = connection.execute("SHOW jit").fetchone()
    assert row is not None
    return str(row[0])
