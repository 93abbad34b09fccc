"""Tells the other channels that one fails: once for each time that it begins to fail."""

from siloscope_alerting.notify.ladder import stored
from siloscope_alerting.notify.messages import FailingMessage, payload_of
from siloscope_alerting.notify.routing import identity_of
from siloscope_alerting.ports import Notification
from siloscope_contract.alerts.words import Severity
from siloscope_process.clock import to_ms
from siloscope_store import notify_channels, notify_ladder, notify_outbox
from siloscope_store.notify_channels import NotifyChannel
from siloscope_store.notify_outbox import Claimed, Connection, Failing

FAILURES = 5
FAILING_FOR_S = 600.0


async def warn_others(
    connection: Connection, channel: NotifyChannel, claimed: Claimed, failing: Failing, detail: str, *, lost: bool
) -> bool:
    """Enqueue the warning where it is time for it; return whether one is new.

    It is time when a message failed five times, when the channel has failed for ten minutes, or when a message was
    refused for good: nobody would hear of it otherwise.
    """
    if failing.since is None or not (lost or claimed.number >= FAILURES or failing.for_s >= FAILING_FOR_S):
        return False
    others = await notify_channels.others(connection, channel.org_id, channel.channel_id, claimed.route_id)
    if not others:
        return False
    at = await notify_ladder.now(connection)
    message = FailingMessage(
        at=at,
        channel=channel.slug,
        channel_kind=channel.kind,
        since=failing.since,
        detail=detail,
        waiting=await notify_outbox.waiting(connection, channel.channel_id),
        lost=lost,
    )
    rows = []
    for other in others:
        key = f"channel/{channel.channel_id}/failing/{to_ms(failing.since)}/channel/{other}"
        row = Notification(
            notification_id=identity_of(key),
            dedup_key=key,
            org_id=channel.org_id,
            channel_id=other,
            kind="channel_failing",
            severity=Severity.WARNING,
            due_at=at,
            payload=payload_of(message),
        )
        rows.append(stored(row))
    return await notify_outbox.enqueue(connection, rows) > 0
