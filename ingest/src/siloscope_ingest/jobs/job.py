"""What a job is."""

from typing import Any, Protocol

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


class Job(Protocol):
    """Work that is done again and again, by one process of all that are connected to a database.

    It may be killed between any two statements: what belongs together is one transaction, and the next run goes on.

    Attributes:
        name: Slug; names the job's lock, its metrics and its entry in /readyz.
        every_s: Pause between two runs when nothing waits.
    """

    name: str
    every_s: float

    async def run(self, connection: Connection) -> bool:
        """Do a bounded piece of work; return whether more waits.

        Args:
            connection: In autocommit mode, the session that holds the job's lock: do all work on it, so that a session
                that is lost ends the work before it ends the lock.

        Raises:
            psycopg.Error: The database is away or refuses; it is tried again later, on a new session.
        """
        ...
