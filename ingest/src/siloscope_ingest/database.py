"""The database as ingest sees it: a connection that is opened again when it breaks, and errors sorted by what to do."""

from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection

from siloscope_ingest.errors import Fatal, IngestError, Rejected, StoreChanged, Transient
from siloscope_ingest.severing import shut_after
from siloscope_store import landmarks, ledger, log_position, relative_messages, samples, watermarks
from siloscope_store.connections import connect_async
from siloscope_store.errors import DatabaseRefused, DatabaseUnavailable

Connection = AsyncConnection[Any]
Prepare = Callable[[Connection], Awaitable[None]]
_log = structlog.get_logger(__name__)

_FATAL = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
)
_IDLE_IN_TRANSACTION_S = 60.0
"""The server ends a transaction of which it has heard nothing for so long: a worker that is cut off keeps no locks."""
_PREPARED_WITHIN_S = 30.0
_NOT_NOW = ("25", "XX001", "XX002")  # read-only or a time-out of the session's state; damaged files: no message's fault
_LIMIT_EXCEEDED = "54"  # class "program limit exceeded": too many spans, too many columns; the data's fault


class Identity:
    """Which database this service began with; every connection is checked against it when it is opened.

    A copy of its files that is put back bears the same names, and nobody need have connected anew to notice what it
    lacks. But its log is shorter than it was, or it lacks the newest group that somebody here relies on.
    """

    def __init__(self) -> None:
        self.known: watermarks.Identity | None = None
        self._reached = 0
        self._landmark: landmarks.Landmark | None = None

    async def check(self, connection: Connection) -> None:
        """Find out which database this is.

        Raises:
            StoreChanged: Not the one that it was.
        """
        found, renewed = await watermarks.identify(connection)
        if renewed:
            _log.warning("new_generation", store=found.store, generation=found.generation)
        reached = await log_position.reached(connection)
        if found == self.known and log_position.went_back(self._reached, reached):
            _log.error("database_went_back", log_bytes_before=self._reached, log_bytes=reached)
            found = await watermarks.lose_trust(connection, found)
        elif found == self.known and self._landmark and not await landmarks.is_there(connection, self._landmark):
            _log.error("database_went_back", lacks_group=self._landmark.group_id)
            found = await watermarks.lose_trust(connection, found)
        self._compare(found)
        self._reached = max(self._reached, reached)

    async def look(self, connection: Connection) -> None:
        """See on a connection that stands whether another worker has found that the database went back.

        Raises:
            StoreChanged: It has.
        """
        self._compare(await watermarks.identity(connection))
        self._reached = max(self._reached, await log_position.reached(connection))

    async def note(self, connection: Connection) -> None:
        """Note what tells this database from a copy that was made before now."""
        self._reached = max(self._reached, await log_position.reached(connection))
        self._landmark = await landmarks.newest(connection) or self._landmark

    def _compare(self, found: watermarks.Identity) -> None:
        if self.known is None:
            self.known = found
            _log.info("store", store=found.store, generation=found.generation)
        elif found != self.known:
            raise StoreChanged(f"found generation {found.generation} of store {found.store}, knew {self.known}")


class Database:
    """One connection, autocommit, opened when it is first used.

    Args:
        url: Where the database is.
        application_name: Shown in pg_stat_activity.
        identity: Which database it must be.
        prepare: Called with each new connection.
    """

    def __init__(self, url: str, application_name: str, identity: Identity, prepare: Prepare | None = None) -> None:
        self._url = url
        self._application_name = application_name
        self._identity = identity
        self._prepare = prepare
        self._connection: Connection | None = None

    @property
    def open(self) -> Connection | None:
        """The connection, where there is one."""
        return self._connection

    async def connection(self) -> Connection:
        """Return the connection.

        Raises:
            Transient: The database is away.
            Fatal: It refuses us.
            StoreChanged: It is another one than before.
        """
        if self._connection is None or self._connection.closed:
            try:
                connection = await connect_async(
                    self._url,
                    application_name=self._application_name,
                    autocommit=True,
                    idle_in_transaction_s=_IDLE_IN_TRANSACTION_S,
                )
            except DatabaseUnavailable as error:
                raise Transient(error.message) from error
            except DatabaseRefused as error:
                raise Fatal(error.message) from error
            try:
                with shut_after(connection, _PREPARED_WITHIN_S):
                    await self._identity.check(connection)
                    if self._prepare is not None:
                        await self._prepare(connection)
            except psycopg.Error as error:  # a database that is going down lets one in and then ends the session
                await connection.close()
                raise sorted_error(error) from error
            except BaseException:
                await connection.close()
                raise
            self._connection = connection
        return self._connection

    async def learnt(self) -> None:
        """Note, over the connection that stands, that what it told of groups just now will be relied on.

        A copy of the database that is put back may lack it, and samples of a group that is not there are seen by
        nobody. Whoever looks now and then would not know that.
        """
        if self._connection is not None:
            await self._identity.note(self._connection)

    async def drop(self) -> None:
        """Close the connection; the next use opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


async def prepare_writing(connection: Connection) -> None:
    """Make what a writing session needs."""
    await samples.prepare(connection)
    await ledger.prepare(connection)
    await relative_messages.prepare(connection)


def sorted_error(error: psycopg.Error) -> IngestError:
    """Return what a database error asks of us: retry, reject the data, or stop."""
    text = " ".join((str(error).splitlines() or [type(error).__name__])[0].split())
    if isinstance(error, _FATAL):
        return Fatal(f"the database refuses a statement: {text}")
    state = error.sqlstate or ""
    if state.startswith(_LIMIT_EXCEEDED):
        return Rejected("refused_by_database", text)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) or state.startswith(_NOT_NOW):
        return Transient(text)
    return Rejected("refused_by_database", text)
