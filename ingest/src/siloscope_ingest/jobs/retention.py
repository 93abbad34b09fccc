"""The job that lets go what is older than it is kept: files first, then what is in them."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from siloscope_ingest.jobs.job import Connection
from siloscope_ingest.jobs.metrics import JobMetrics
from siloscope_process.clock import Clock
from siloscope_store.connections import connect
from siloscope_store.retention import dropping

_log = structlog.get_logger(__name__)
_BUDGET_S = 300.0


class Retention:
    """Applies retention.

    Archiving streams through files and a synchronous session, in a thread of its own; retention's own lock on that
    session keeps a second one out, so that this job's session needs not be the one that works.

    Args:
        database_url: Where.
        directory: The archive directory; None = what needs an archive stays.
        clock: Says what is old.
        metrics: Told what went, and what stays against the plan.
    """

    name = "retention"
    every_s = 900.0

    def __init__(self, database_url: str, directory: Path | None, clock: Clock, metrics: JobMetrics) -> None:
        self._url = database_url
        self._directory = directory
        self._clock = clock
        self._metrics = metrics

    async def run(self, _connection: Connection) -> bool:
        """Let go what is due, for some minutes; return whether more waits.

        Raises:
            ArchiveBroken: A file stands in the way of what is due; all else was done.
        """
        until_s = self._clock.monotonic_s() + _BUDGET_S
        ended = False

        def stopped() -> bool:
            return ended or self._clock.monotonic_s() > until_s

        try:
            outcome = await asyncio.to_thread(partial(self._work, stopped))
        finally:
            ended = True
        self._tell(outcome)
        if outcome.broken:
            raise outcome.broken[0]
        return outcome.ended_early

    def _work(self, stopped: Callable[[], bool]) -> dropping.Outcome:
        with connect(self._url, application_name="siloscope jobs retention work", autocommit=True) as connection:
            return dropping.run(connection, at=self._clock.now(), directory=self._directory, stopped=stopped)

    def _tell(self, outcome: dropping.Outcome) -> None:
        self._metrics.archived_files.inc(len(outcome.archived))
        self._metrics.dropped_spans.inc(len(outcome.dropped))
        self._metrics.deleted_rows.inc(outcome.deleted_rows)
        self._metrics.kept_beyond.set(len(outcome.waits))
        self._metrics.broken_files.set(len(outcome.broken))
        if outcome.archived or outcome.dropped or outcome.deleted_rows:
            spans = [loss.span.name for loss in outcome.dropped]
            _log.info("let_go", files=len(outcome.archived), spans=spans, rows=outcome.deleted_rows)
        for line in outcome.waits:
            _log.info("stays", reason=line)
