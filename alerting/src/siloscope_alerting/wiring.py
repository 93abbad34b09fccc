"""Alerting put together: whoever holds the lease evaluates and sends, the others stand by."""

import asyncio
import os
import socket
from collections.abc import Coroutine, Sequence
from typing import Any

import httpx2
import structlog
from prometheus_client import CollectorRegistry

from siloscope_alerting.engine.evaluation import Engine
from siloscope_alerting.errors import Fenced
from siloscope_alerting.notify.decisions import incidents_of, routes_for
from siloscope_alerting.notify.metrics import DeliveryMetrics
from siloscope_alerting.notify.service import Notifying
from siloscope_alerting.notify.telegram_updates import TelegramUpdates
from siloscope_alerting.notify.trust.digest import Digests
from siloscope_alerting.notify.trust.heartbeat import Heartbeat
from siloscope_alerting.pictures.chart import draw
from siloscope_alerting.ports import Clock
from siloscope_alerting.settings import AlertingSettings
from siloscope_alerting.watch.database_watch import DatabaseWatch
from siloscope_alerting.watch.lease import Lease
from siloscope_alerting.watch.loop import EvaluatorLoop
from siloscope_alerting.watch.metrics import WatchMetrics
from siloscope_process.errors import Stop
from siloscope_process.operations import Health
from siloscope_store import alert_digests
from siloscope_store.connections import Pool, async_pool, borrowed
from siloscope_store.errors import DatabaseUnavailable

APPLICATION = "siloscope alerting"
_BEGIN_ANEW_AFTER_S = 1.0
_MOST_CONNECTIONS = 12
CANCELS_AGAIN_AFTER_S = 2.0
_log = structlog.get_logger(__name__)


class Alerting:
    """The service: one for a process.

    Args:
        settings: What it was told.
        clock: All its pauses; the database's clock judges.
        health: Told of the database; a standby is as healthy as the evaluator.
        registry: Where its numbers go.
    """

    def __init__(self, settings: AlertingSettings, clock: Clock, health: Health, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._clock = clock
        self._health = health
        self._watch_metrics = WatchMetrics(registry)
        self._delivery_metrics = DeliveryMetrics(registry)
        self._wake = asyncio.Event()
        self._loop: EvaluatorLoop | None = None
        self._term: int | None = None

    async def run(self, stop: asyncio.Event, client: httpx2.AsyncClient) -> None:
        """Stand by, evaluate, stand by again, until told to stop; then let the next one begin at once."""
        url = self._settings.database_url
        holder = f"{socket.gethostname()}:{os.getpid()}"
        async with (
            async_pool(url, application_name=APPLICATION, min_size=2, max_size=_MOST_CONNECTIONS) as pool,
            async_pool(url, application_name=f"{APPLICATION} lease", min_size=1, max_size=1) as lease_pool,
        ):
            lease = Lease(lease_pool, holder, self._clock)
            beating = asyncio.create_task(self._beat(pool, client))
            working = asyncio.create_task(self._terms(pool, lease, client))
            stopped = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait((working, stopped, beating), return_when=asyncio.FIRST_COMPLETED)
                if working.done():
                    working.result()
                if beating.done():
                    beating.result()
            finally:
                await ended([working, beating, stopped])
                self._stand_by()
                await lease.release()

    async def _terms(self, pool: Pool, lease: Lease, client: httpx2.AsyncClient) -> None:
        """Hold one term after another."""
        while True:
            self._stand_by()
            self._health.set("database", True)
            term = await lease.hold()
            try:
                await self._lead(pool, lease, term, client)
            except Fenced as error:
                _log.warning("begins_anew", reason=str(error))
            except DatabaseUnavailable as error:
                _log.warning("begins_anew", reason=str(error))
                self._health.set("database", False, str(error))
            except Stop:
                raise
            except Exception:
                # What stands in the database is whole: better to begin from there than to let everybody go unwarned.
                _log.exception("begins_anew")
            self._watch_metrics.failed.inc()
            self._stand_by()
            await lease.release()
            await self._clock.sleep(_BEGIN_ANEW_AFTER_S)

    async def _lead(self, pool: Pool, lease: Lease, term: int, client: httpx2.AsyncClient) -> None:
        """Evaluate and send with a term, until it is over or something fails.

        Raises:
            Fenced: Another evaluator has taken over.
            DatabaseUnavailable: What is known may not be what is stored.
        """
        settings, clock = self._settings, self._clock
        watch = DatabaseWatch(
            pool,
            term,
            clock,
            self._wake,
            routes_for,
            incidents_of,
            least_silence_s=settings.silent_after_s,
        )
        loop = EvaluatorLoop(watch, Engine(), clock, self._watch_metrics, every_s=settings.evaluate_every_s)
        notifying = Notifying(pool, settings, client, clock, self._wake, self._delivery_metrics, draw)
        self._loop, self._term = loop, term
        self._watch_metrics.leads.set(1)
        self._watch_metrics.term.set(term)
        await _first_failure(
            [
                lease.keep(),
                loop.run(),
                notifying.run(term),
                TelegramUpdates(pool, client, settings.telegram_url, clock).run(),
                Digests(pool, lambda: self._term, clock, self._wake.set).run(),
            ]
        )

    def _stand_by(self) -> None:
        self._loop = self._term = None
        self._watch_metrics.leads.set(0)

    async def _beat(self, pool: Pool, client: httpx2.AsyncClient) -> None:
        if self._settings.heartbeat_url is None:
            await asyncio.Event().wait()
            return

        async def stuck(after_s: float) -> int:
            async with borrowed(pool) as connection:
                return await alert_digests.stuck(connection, after_s)

        await Heartbeat(self._settings.heartbeat_url, client, self._clock, self._round_age_s, stuck).run()

    def _round_age_s(self) -> float | None:
        """Return how long ago a round was kept; None while this process stands by."""
        if self._loop is None:
            return None
        finished_s = self._loop.finished_s
        return float("inf") if finished_s is None else self._clock.monotonic_s() - finished_s


async def _first_failure(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run side by side what ends by failing alone; the first failure ends the others, and is raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await ended(tasks)


async def ended(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they have ended.

    Once may be too little: a driver that is just closing a transaction turns the cancellation into an error of its own,
    and a task that goes on after errors of the database survives it.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCELS_AGAIN_AFTER_S)
    await asyncio.gather(*tasks, return_exceptions=True)
