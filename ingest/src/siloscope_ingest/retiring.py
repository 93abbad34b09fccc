"""Ending the session of a worker that does not come back, once all that the broker keeps for it is committed.

Mosquitto goes on dealing to a worker that is away; nobody else can fetch what lies in its session. On NATS its samples
are handed over to the stream first, where it took them over MQTT before.
"""

import asyncio
from collections.abc import Sequence

import structlog

from siloscope_ingest.errors import Fatal, Transient
from siloscope_ingest.line import Line
from siloscope_ingest.metrics import Metrics
from siloscope_ingest.service import Service
from siloscope_ingest.settings import IngestSettings
from siloscope_process.broker_url import BrokerUrl
from siloscope_process.clock import Clock
from siloscope_process.operations import Health
from siloscope_store import workers
from siloscope_store.connections import connect_async
from siloscope_store.errors import DatabaseRefused, DatabaseUnavailable

_log = structlog.get_logger(__name__)
_LOOK_EVERY_S = 0.1
_ANSWER_WITHIN_S = 10.0
_MOST_CUTS = 3


async def retire(
    settings: IngestSettings, brokers: Sequence[BrokerUrl], clock: Clock, metrics: Metrics, stop: asyncio.Event
) -> None:
    """Connect as the worker, end its share, commit what waits, and have the broker forget the session.

    Args:
        settings: Those of the worker, its name among them.
        brokers: Where the broker is, or the servers of a cluster.
        clock: For pauses and arrival times.
        metrics: Its numbers.
        stop: Gives up; the session then stays with what is not committed.

    Raises:
        Fatal: The broker knows no such worker, it still runs, or a message of it can be stored nowhere.
        Transient: Told to stop, or the broker was away at the end.
    """
    if settings.ingest_shared_group is None and settings.nats_url is None:
        raise Fatal("expected SILOSCOPE_INGEST_SHARED_GROUP or SILOSCOPE_NATS_URL as the worker had it; found neither")
    await _require_gone(settings)
    service = Service(settings, brokers, clock, Health(), metrics, leaving=True)
    done = asyncio.Event()
    working = asyncio.ensure_future(service.run(done))
    emptying = asyncio.ensure_future(_empty(service, settings.ingest_worker, clock))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, emptying, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        done.set()
        for task in (emptying, stopping):
            task.cancel()
        ended = await asyncio.gather(working, emptying, stopping, return_exceptions=True)
    for each in ended[:2]:
        if isinstance(each, _NoSession):
            await service.doors.end_session(_ANSWER_WITHIN_S)  # to ask was to begin one
        if isinstance(each, Exception):
            raise each
    if isinstance(ended[1], asyncio.CancelledError):
        raise Transient(f"worker {settings.ingest_worker} is not retired: stopped before all of it was committed")
    await service.doors.end_session(_ANSWER_WITHIN_S)


class _NoSession(Fatal):
    """The broker knows no such worker."""


async def _require_gone(settings: IngestSettings) -> None:
    worker = settings.ingest_worker
    try:
        connection = await connect_async(settings.database_url, application_name="siloscope ingest", autocommit=True)
    except DatabaseUnavailable as error:
        raise Transient(error.message) from error
    except DatabaseRefused as error:
        raise Fatal(error.message) from error
    async with connection:
        if not await workers.is_gone(connection, worker):
            raise Fatal(f"worker {worker} runs; expected one that was stopped, and that nobody starts again")


async def _empty(service: Service, worker: str, clock: Clock) -> None:
    """Wait until all is committed that the broker keeps for the session."""
    known: Line | None = None
    lines = 0
    while True:
        line = service.doors.link.line
        if line is not None and line is not known:
            known = line
            lines += 1
            _judge(line, lines, worker)
        if line is not None and await _is_empty(service, line, worker):
            return
        await clock.sleep(_LOOK_EVERY_S)


def _judge(line: Line, lines: int, worker: str) -> None:
    if not line.resumed:
        raise _NoSession(f"the broker has no session of worker {worker}; expected the name of one that it knows")
    if lines > _MOST_CUTS:
        raise Fatal(f"the connection was cut {_MOST_CUTS} times; expected that worker {worker} does not run any more")


async def _is_empty(service: Service, line: Line, worker: str) -> bool:
    held = service.held
    if held.messages:
        return False
    if line.unacknowledged:
        raise Fatal(f"{line.unacknowledged} messages of worker {worker} can be stored nowhere: see its log; it is kept")
    if not service.doors.is_handed_over(line):
        return False
    before = held.released
    try:
        # The broker answers in order: whatever our last acknowledgements set free came before.
        await line.unsubscribed(service.doors.unwanted, _ANSWER_WITHIN_S)
    except Transient as error:
        _log.warning("broker_slow", reason=str(error))
        return False
    return held.messages == 0 and held.released == before and line.is_open
