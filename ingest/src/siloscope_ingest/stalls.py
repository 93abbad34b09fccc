"""Notices a database connection on which nothing comes any more though an answer is awaited.

The operating system notices a host that vanished, within half a minute (keep-alives, `tcp_user_timeout`). It does not
notice a proxy or a firewall that keeps the connection and passes nothing on. Then only the server itself can say, on
another connection, whether it still works on our statement: waiting for a lock is no stall, however long it takes.
"""

from collections.abc import Callable, Sequence

import psycopg
import structlog
from psycopg.pq import TransactionStatus

from siloscope_ingest.database import Connection, Database
from siloscope_ingest.severing import shut, shut_after
from siloscope_process.clock import Clock
from siloscope_store import sessions
from siloscope_store.connections import connect_async
from siloscope_store.errors import DatabaseRefused, DatabaseUnavailable

_log = structlog.get_logger(__name__)
_EVERY_S = 3.0
_SUSPECT_AFTER = 2
"""Rounds that a connection awaits an answer before the server is asked about it."""
_ANSWER_WITHIN_S = 5.0


class StallWatch:
    """Cuts connections that have stalled, so that whoever waits on them tries again on a new one.

    Args:
        url: Where the database is, for a connection of its own.
        databases: Whose connections to watch.
        clock: For the pauses.
        reachable: Told why the database is away, or None.
    """

    def __init__(
        self, url: str, databases: Sequence[Database], clock: Clock, reachable: Callable[[str | None], None]
    ) -> None:
        self._url = url
        self._databases = databases
        self._clock = clock
        self._reachable = reachable
        self._rounds: dict[Connection, int] = {}
        self._seen: dict[Connection, sessions.Doing] = {}
        self._own: Connection | None = None

    async def run(self) -> None:
        """Watch until cancelled."""
        try:
            while True:
                await self._clock.sleep(_EVERY_S)
                await self._look()
        finally:
            await self._close()

    async def _look(self) -> None:
        waiting = [
            each
            for each in (database.open for database in self._databases)
            if each is not None and not each.closed and each.pgconn.transaction_status == TransactionStatus.ACTIVE
        ]
        self._rounds = {each: self._rounds.get(each, 0) + 1 for each in waiting}
        suspects = [each for each, rounds in self._rounds.items() if rounds >= _SUSPECT_AFTER]
        self._seen = {each: said for each, said in self._seen.items() if each in suspects}
        if not suspects:
            self._reachable(None)
            return
        try:
            for suspect in suspects:
                await self._ask_about(suspect)
        except (psycopg.Error, DatabaseUnavailable, DatabaseRefused) as error:
            await self._close()
            reason = str(error).partition("\n")[0]
            self._reachable(reason)
            for suspect in suspects:
                self._cut(suspect, reason)
        else:
            self._reachable(None)

    async def _ask_about(self, suspect: Connection) -> None:
        """Ask the server what it does for a connection, and cut that where it has done nothing since the last time."""
        own = await self._connection()
        pid = suspect.info.backend_pid
        with shut_after(own, _ANSWER_WITHIN_S):
            said = await sessions.doing(own, pid)
        if said is None:
            self._cut(suspect, "the server has ended its session")
        elif not said.works and self._seen.get(suspect) == said:
            with shut_after(own, _ANSWER_WITHIN_S):
                await sessions.terminate(own, pid)
            self._cut(suspect, "the server waits for us, and we for it")
        else:
            self._seen[suspect] = said

    async def _connection(self) -> Connection:
        if self._own is None or self._own.closed:
            self._own = await connect_async(self._url, application_name="siloscope ingest watch", autocommit=True)
        return self._own

    def _cut(self, connection: Connection, reason: str) -> None:
        """Shut the socket: whoever waits for it is told that the connection is gone."""
        _log.warning("database_connection_stalled", reason=reason)
        self._rounds.pop(connection, None)
        self._seen.pop(connection, None)
        shut(connection)

    async def _close(self) -> None:
        own, self._own = self._own, None
        if own is not None:
            shut(own)
            await own.close()
