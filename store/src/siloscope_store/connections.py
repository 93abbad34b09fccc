"""Connections to the database: one at a time for commands, a pool for services.

Every session speaks UTC and says who it is. What goes wrong while connecting becomes one line without the password.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

from siloscope_store.errors import DatabaseRefused, DatabaseUnavailable, SchemaOutdated, StatementTooSlow

Row = tuple[Any, ...]
Connected = AsyncConnection[Row]
Pool = AsyncConnectionPool[Connected]

CONNECT_TIMEOUT_S = 10
# A host that vanished is noticed within half a minute, by us and by the server, instead of after two hours.
_NOTICE_LOSS = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
_SERVER_NOTICES_LOSS = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
# Each of our statements is short, and the cost of one that reads a temporary table is guessed high: a server that
# compiles what it guesses to be long takes a second for what takes milliseconds. The URL may say otherwise.
_NOTHING_COMPILED = "-c jit=off"
_EXPECTED = "expected postgresql://user:password@host:port/database"
# The server answered, and the same words may be accepted in a moment: it begins or ends, is full, or its machine is in
# trouble ("could not write init file: No space left on device", "could not fork new process").
_PASSING = (
    "starting up",
    "not yet accepting",
    "shutting down",
    "terminating",
    "recovery",
    "too many",
    "connection slots",
    "could not ",
    "out of memory",
    "canceling authentication",
)


def connect(url: str, *, application_name: str = "siloscope", autocommit: bool = False) -> Connection[Row]:
    """Open one synchronous connection.

    Raises:
        DatabaseRefused: The URL is malformed, or the server refuses user, password or database.
        DatabaseUnavailable: No server answers.
    """
    conninfo = session_conninfo(url, application_name)
    with one_line_errors(url):
        return psycopg.connect(conninfo, autocommit=autocommit)


async def connect_async(
    url: str,
    *,
    application_name: str = "siloscope",
    autocommit: bool = False,
    idle_in_transaction_s: float | None = None,
) -> AsyncConnection[Row]:
    """Open one asynchronous connection; raises as `connect` does.

    The server ends a session that leaves a transaction alone for longer than `idle_in_transaction_s`.
    """
    conninfo = session_conninfo(url, application_name, idle_in_transaction_s=idle_in_transaction_s)
    with one_line_errors(url):
        return await AsyncConnection.connect(conninfo, autocommit=autocommit)


def async_pool(
    url: str,
    *,
    application_name: str = "siloscope",
    min_size: int = 1,
    max_size: int = 8,
    statement_timeout_s: float | None = None,
) -> Pool:
    """Return a pool that is still closed: open it with `async with`, or `await pool.open(wait=True)`.

    Its connections are in autocommit mode: a caller opens a transaction where it wants one. A statement that runs
    longer than `statement_timeout_s` is given up by the server; unless told, or the URL says it, never.

    Raises:
        DatabaseRefused: The URL is malformed.
    """
    return AsyncConnectionPool(
        session_conninfo(url, application_name, statement_timeout_s),
        min_size=min_size,
        max_size=max_size,
        kwargs={"autocommit": True},
        open=False,
        name=application_name,
        check=AsyncConnectionPool.check_connection,
        # After this the pool tries anew at each request. Its own default doubles its pauses for five minutes: a
        # database that was away for 70 s was found again only 52 s after it had come back.
        reconnect_timeout=5.0,
    )


@asynccontextmanager
async def borrowed(pool: Pool, *, patience_s: float = 3.0) -> AsyncIterator[Connected]:
    """Lend a connection of the pool.

    Args:
        pool: An open pool.
        patience_s: How long to wait for a connection that works.

    Raises:
        StatementTooSlow: The server gave a statement up.
        DatabaseUnavailable: The server does not answer, or went away while the connection was lent.
    """
    try:
        async with pool.connection(timeout=patience_s) as connection:
            yield connection
    except psycopg.errors.QueryCanceled as error:
        raise StatementTooSlow(
            f"the database at {place_of(str(pool.conninfo))} gave up: {first_line(error)}"
        ) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise DatabaseUnavailable(
            f"the database at {place_of(str(pool.conninfo))} does not answer: {first_line(error)}"
        ) from error


def session_conninfo(
    url: str,
    application_name: str,
    statement_timeout_s: float | None = None,
    idle_in_transaction_s: float | None = None,
) -> str:
    """Return the connection string with this project's session settings.

    Raises:
        DatabaseRefused: The URL is malformed.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The parser's own message may quote the password.
        raise DatabaseRefused(f"the database URL cannot be read; {_EXPECTED}") from None
    if not url.strip():
        raise DatabaseRefused(f"the database URL is empty; {_EXPECTED}")
    if "@" in str(given.get("host") or ""):
        # Whatever follows the first @ was read as the host, so that a part of the password would be shown as one.
        raise DatabaseRefused(f"the database URL has an @ within its user or password: write %40; {_EXPECTED}")
    timeouts = {"statement_timeout": statement_timeout_s, "idle_in_transaction_session_timeout": idle_in_transaction_s}
    told = " ".join(f"-c {name}={round(seconds * 1000)}" for name, seconds in timeouts.items() if seconds is not None)
    options = f"{_SERVER_NOTICES_LOSS} {_NOTHING_COMPILED} {told} {given.get('options') or ''} -c timezone=UTC".strip()
    settings: dict[str, Any] = {
        "application_name": application_name,
        "connect_timeout": CONNECT_TIMEOUT_S,
        **_NOTICE_LOSS,
    }
    return make_conninfo(**{**settings, **given, "options": options})


def place_of(url: str) -> str:
    """Return host, port and database of a URL, without user and password, for messages."""
    given = conninfo_to_dict(url)
    host = given.get("host") or given.get("hostaddr") or "localhost"
    return f"{host}:{given.get('port') or 5432}/{given.get('dbname') or given.get('user') or ''}"


@contextmanager
def one_line_errors(url: str) -> Iterator[None]:
    """Turn what psycopg raises while connecting into the store's errors."""
    try:
        yield
    except psycopg.OperationalError as error:
        reason = _reason(error)
        place = place_of(url)
        if reason.startswith("invalid "):  # a port or an option that libpq cannot read
            raise DatabaseRefused(f"the database URL is wrong: {reason}; {_EXPECTED}") from None
        if "FATAL:" in str(error) and not any(words in reason for words in _PASSING):
            raise DatabaseRefused(f"the database at {place} refuses the connection: {reason}") from None
        raise DatabaseUnavailable(f"the database at {place} does not answer: {reason}") from None


@contextmanager
def one_line_refusals(url: str) -> Iterator[None]:
    """Turn what psycopg raises after connecting into the store's errors, for a command that a person started."""
    try:
        yield
    except psycopg.errors.UndefinedTable:
        raise SchemaOutdated("the database lacks a table; run 'siloscope db migrate' first") from None
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise DatabaseUnavailable(f"the database at {place_of(url)} went away: {first_line(error)}") from None
    except psycopg.Error as error:
        raise DatabaseRefused(f"the database at {place_of(url)} refuses: {first_line(error)}") from None


def first_line(error: psycopg.Error) -> str:
    """Return what an error says, without the lines that quote the statement."""
    return (str(error).splitlines() or ["no reason given"])[0]


def _reason(error: psycopg.OperationalError) -> str:
    """Return the last clause that says why: libpq writes one line per address tried."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    first = next((line for line in lines if "FATAL:" in line), lines[0] if lines else "no reason given")
    return first.rsplit("FATAL:", 1)[-1].rsplit(" failed: ", 1)[-1].removeprefix("connection is bad: ").strip()
