"""What a limit held back is told in one message."""

from typing import Any

import msgspec
from psycopg import AsyncConnection

from siloscope_alerting.notify.limits import EXEMPT
from siloscope_alerting.notify.messages import IncidentMessage, SummaryMessage, message_of, payload_of
from siloscope_alerting.notify.summing_up import MOST_ITEMS, sum_up
from siloscope_store import notify_channels, notify_outbox
from tests.alerting.notify.facts import AT, alert, incident
from tests.alerting.notify.world import World


async def test_what_was_held_is_told_once_and_counted(world: World, connection: AsyncConnection[Any]) -> None:
    channel_id = world.channel("cab")
    other = world.channel("other")
    facts = incident([alert(number) for number in range(5)])
    payload = payload_of(IncidentMessage(at=AT, incident=facts))
    world.enqueue(channel_id, MOST_ITEMS + 5, kind="firing", payload=payload)
    world.enqueue(channel_id, kind="firing", severity="critical", payload=payload)
    world.enqueue(channel_id, kind="digest")
    world.enqueue(other, kind="firing", payload=payload)
    term = world.term()
    assert await notify_outbox.hold(connection, channel_id, term, EXEMPT) == MOST_ITEMS + 5
    (channel,) = [each for each in await notify_channels.due(connection, term, summarise_after_s=60)
                  if each.channel_id == channel_id]  # fmt: skip
    assert await sum_up(connection, channel, after_s=60) is None, "what is held is gathered first"
    assert await sum_up(connection, channel, after_s=0) is True
    assert await sum_up(connection, channel, after_s=0) is False
    summaries = [row for row in world.outbox("kind, severity, payload, channel_id") if row[0] == "summary"]
    ((_, severity, told, to),) = summaries
    message = message_of("summary", told)
    assert isinstance(message, SummaryMessage)
    assert (severity, to) == ("warning", channel_id)
    assert (message.count, len(message.items)) == (MOST_ITEMS + 5, MOST_ITEMS)
    assert all(item.incident is not None and len(item.incident.alerts) == 1 for item in message.items)
    assert len(msgspec.json.encode(told)) < 64 * 1024


async def test_what_is_held_after_a_summary_is_in_the_next(world: World, connection: AsyncConnection[Any]) -> None:
    channel_id, term = world.channel("cab"), world.term()
    for _ in range(2):
        world.enqueue(channel_id, 2, kind="firing")
        await notify_outbox.hold(connection, channel_id, term, EXEMPT)
        (channel,) = await notify_channels.due(connection, term, summarise_after_s=-60)
        assert await sum_up(connection, channel, after_s=0)
        world.connection.execute("UPDATE notify_outbox SET state = 'delivered' WHERE kind = 'summary'")
    counts = [row[1]["count"] for row in world.outbox("kind, payload") if row[0] == "summary"]
    assert counts == [2, 2]
