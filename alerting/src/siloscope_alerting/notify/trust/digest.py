"""Tell the digests that are due: how many sensors report, what is open, which ways out fail."""

from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import structlog

from siloscope_alerting.notify.messages import DigestMessage, SiteCount, payload_of
from siloscope_alerting.notify.routing import identity_of
from siloscope_alerting.ports import AlertFacts, Clock
from siloscope_contract.alerts.routes import Digest
from siloscope_contract.alerts.words import Severity
from siloscope_store import alert_digests, notify_outbox
from siloscope_store.alert_digests import Connection, DueDigest, OpenAlert
from siloscope_store.connections import Pool, borrowed
from siloscope_store.errors import DatabaseUnavailable

_log = structlog.get_logger(__name__)
_LOOK_EVERY_S = 10.0


class Digests:
    """Tells digests while this process evaluates.

    Args:
        pool: Connections.
        term: Of the evaluator that this process is; None while it is none.
        clock: For the pause between two looks.
        wake: Called when messages were enqueued.
    """

    def __init__(self, pool: Pool, term: Callable[[], int | None], clock: Clock, wake: Callable[[], None]) -> None:
        self._pool = pool
        self._term = term
        self._clock = clock
        self._wake = wake

    async def run(self) -> None:
        """Look every ten seconds, until cancelled."""
        while True:
            try:
                await self.look()
            except DatabaseUnavailable as error:
                _log.info("digests wait", error=str(error))
            await self._clock.sleep(_LOOK_EVERY_S)

    async def look(self) -> int:
        """Tell what is due; return how many messages were enqueued."""
        term = self._term()
        if term is None:
            return 0
        async with borrowed(self._pool) as connection, connection.transaction():
            enqueued = await tell_due(connection, term)
        if enqueued:
            self._wake()
        return enqueued


async def tell_due(connection: Connection, term: int) -> int:
    """Enqueue the digests that are due, in the caller's transaction; return how many messages are new."""
    enqueued = 0
    for digest in await alert_digests.due(connection, term):
        next_at = await alert_digests.told(connection, digest.digest_id)
        message = await _message(connection, digest, next_at)
        enqueued += await notify_outbox.enqueue(connection, _rows(digest, message))
        _log.info("digest", digest=message.digest, channels=len(digest.channel_ids), next_at=next_at.isoformat())
    return enqueued


async def _message(connection: Connection, digest: DueDigest, next_at: datetime) -> DigestMessage:
    document = msgspec.convert(digest.document, Digest)
    sites = await alert_digests.sensors(connection, digest.org_id)
    open_ones = await alert_digests.open_alerts(connection, digest.org_id)
    ways = await alert_digests.ways(connection, digest.org_id, digest.last_at)
    return DigestMessage(
        at=digest.now,
        digest=document.digest,
        time_zone=document.time_zone,
        reporting=sum(site.reporting for site in sites),
        expected=sum(site.expected for site in sites),
        sites=[SiteCount(site=site.site, reporting=site.reporting, expected=site.expected) for site in sites],
        open=[_facts(each) for each in open_ones],
        open_count=open_ones[0].together if open_ones else 0,
        failing=ways.failing,
        delivered=ways.delivered,
        next_at=next_at,
    )


def _facts(each: OpenAlert) -> AlertFacts:
    told = {name: getattr(each, name) for name in OpenAlert.__struct_fields__ if name != "together"}
    return AlertFacts(**told | {"severity": Severity(each.severity)})


def _rows(digest: DueDigest, message: DigestMessage) -> Sequence[notify_outbox.NewNotification]:
    """Return a message per channel; the day it is of names it, so that no day is told twice."""
    day = digest.next_at.astimezone(ZoneInfo(message.time_zone)).date()
    rows = []
    for channel_id in digest.channel_ids:
        key = f"digest/{digest.digest_id}/{day.isoformat()}/{channel_id}"
        rows.append(
            notify_outbox.NewNotification(
                notification_id=identity_of(key),
                dedup_key=key,
                org_id=digest.org_id,
                channel_id=channel_id,
                kind="digest",
                severity=Severity.INFO.value,
                due_at=digest.now,
                payload=payload_of(message),
            )
        )
    return rows
