"""The lease: of all who could evaluate one does, and whoever slept through its lease is refused when it writes.

It is a row on the database's clock, not an advisory lock: a host that vanishes keeps its session and its locks until
the server notices, which takes a minute; a lease ends by itself.
"""

import asyncio
import contextlib

import structlog

from siloscope_alerting.errors import Fenced
from siloscope_alerting.ports import Clock
from siloscope_store import alert_lease
from siloscope_store.connections import Pool, borrowed
from siloscope_store.errors import DatabaseUnavailable

LEASE_S = 6.0
RENEW_EVERY_S = 2.0
_RELEASE_WITHIN_S = 2.0
_log = structlog.get_logger(__name__)


class Lease:
    """Takes, keeps and gives back the right to evaluate.

    Args:
        pool: One of its own, of one connection: what sends messages must not keep it waiting.
        holder: A name for logs: host and process.
        clock: For the pauses; the lease itself runs on the database's.
    """

    def __init__(self, pool: Pool, holder: str, clock: Clock) -> None:
        self._pool = pool
        self._holder = holder
        self._clock = clock
        self._term: int | None = None

    @property
    def term(self) -> int | None:
        """The term that we hold; None while we stand by."""
        return self._term

    async def hold(self) -> int:
        """Stand by until the lease is ours, and return its term."""
        told = False
        while True:
            try:
                term = await self.try_once()
            except DatabaseUnavailable as error:
                _log.warning("database_away", reason=str(error))
                term = None
            if term is not None:
                _log.info("leads", term=term, holder=self._holder)
                return term
            if not told:
                _log.info("stands_by", holder=self._holder)
                told = True
            await self._clock.sleep(RENEW_EVERY_S)

    async def try_once(self) -> int | None:
        """Take the lease where nobody holds it; return the term, or None.

        Raises:
            DatabaseUnavailable: Nobody can say.
        """
        async with borrowed(self._pool) as connection:
            self._term = await alert_lease.take(connection, self._holder, LEASE_S)
        return self._term

    async def keep(self) -> None:
        """Renew the lease again and again, until cancelled.

        Raises:
            Fenced: A later term began.
            DatabaseUnavailable: It could not be renewed for as long as it lasts.
        """
        failing_since_s: float | None = None
        while True:
            await self._clock.sleep(RENEW_EVERY_S)
            try:
                await self.renew()
                failing_since_s = None
            except DatabaseUnavailable:
                now_s = self._clock.monotonic_s()
                failing_since_s = now_s if failing_since_s is None else failing_since_s
                if now_s - failing_since_s > LEASE_S:
                    raise

    async def renew(self) -> None:
        """Prolong the lease once.

        Raises:
            Fenced: A later term began.
            DatabaseUnavailable: Nobody can say.
        """
        term = self._term
        if term is None:
            raise Fenced("no lease is held")
        async with borrowed(self._pool) as connection:
            if not await alert_lease.renew(connection, term, LEASE_S):
                self._term = None
                raise Fenced(f"term {term} is over")

    async def release(self) -> None:
        """Let the next one begin at once, where the database can still be told."""
        term, self._term = self._term, None
        if term is None:
            return
        with contextlib.suppress(DatabaseUnavailable, TimeoutError):
            async with asyncio.timeout(_RELEASE_WITHIN_S), borrowed(self._pool) as connection:
                await alert_lease.release(connection, term)
