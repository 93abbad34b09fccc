"""One message about all that a channel's limit held back."""

from dataclasses import replace

import msgspec

from siloscope_alerting.notify.ladder import stored
from siloscope_alerting.notify.messages import (
    IncidentMessage,
    Message,
    SummaryItem,
    SummaryMessage,
    message_of,
    payload_of,
)
from siloscope_alerting.notify.routing import identity_of
from siloscope_alerting.ports import Notification
from siloscope_contract.alerts.words import Severity
from siloscope_process.clock import to_ms
from siloscope_store import notify_ladder, notify_outbox
from siloscope_store.notify_channels import NotifyChannel
from siloscope_store.notify_outbox import Connection, Held

MOST_ITEMS = 20


async def sum_up(connection: Connection, channel: NotifyChannel, *, after_s: float) -> bool | None:
    """Enqueue the summary of what has been held back for so long.

    Returns:
        Whether there is one; None where something is held, and not for so long yet.
    """
    since = await notify_outbox.held_since(connection, channel.channel_id)
    if since is None:
        return False
    if since[1] < after_s:
        return None
    async with connection.transaction():
        held = await notify_outbox.held(connection, channel.channel_id, since[0], MOST_ITEMS)
        await notify_outbox.summarised(connection, channel.channel_id)
        if not held:
            return False
        at = await notify_ladder.now(connection)
        message = SummaryMessage(
            at=at, channel=channel.slug, since=since[0], count=held[0].together, items=[_item(each) for each in held]
        )
        key = f"channel/{channel.channel_id}/summary/{to_ms(since[0])}"
        row = Notification(
            notification_id=identity_of(key),
            dedup_key=key,
            org_id=channel.org_id,
            channel_id=channel.channel_id,
            kind="summary",
            severity=max((Severity(each.severity) for each in held), key=lambda each: each.rank),
            due_at=at,
            payload=payload_of(message),
        )
        return await notify_outbox.enqueue(connection, [stored(row)]) > 0


def _item(held: Held) -> SummaryItem:
    try:
        message: Message | None = message_of(held.kind, held.payload)
    except msgspec.ValidationError:
        message = None  # it is counted all the same
    incident = message.incident if isinstance(message, IncidentMessage) else None
    if incident is not None:
        incident = replace(incident, alerts=incident.alerts[:1])
    return SummaryItem(kind=held.kind, severity=held.severity, incident=incident)
