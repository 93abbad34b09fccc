"""Who is told that a channel fails, and when."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection

from siloscope_alerting.notify.failing import warn_others
from siloscope_contract.alerts.routes import Step
from siloscope_store import notify_channels, notify_outbox
from siloscope_store.notify_outbox import Claimed, Failing
from tests.alerting.notify.world import World


@pytest.fixture
async def claimed(world: World, connection: AsyncConnection[Any]) -> Claimed:
    failing = world.channel("failing")
    world.channel("of-the-route")
    world.channel("another")
    route_id = world.route("all", [Step(channels=("failing",)), Step(after="1h", channels=("of-the-route",))])
    world.enqueue(failing, kind="firing", route_id=route_id)
    found = await notify_outbox.claim(connection, failing, world.term())
    assert found is not None
    return found


async def warn(
    world: World, connection: AsyncConnection[Any], claimed: Claimed, for_s: float = 0.0, *, lost: bool = False
) -> list[str]:
    """Warn; return the slugs of the channels that are told."""
    world.connection.execute("UPDATE notify_outbox SET due_at = clock_timestamp()")
    channel = notify_channels.NotifyChannel(claimed.channel_id, claimed.org_id, "failing", "webhook", {}, {})
    failing = Failing(claimed.enqueued_at - timedelta(seconds=for_s), for_s)
    await warn_others(connection, channel, claimed, failing, "503", lost=lost)
    told = world.connection.execute(
        "SELECT c.slug FROM notify_outbox JOIN notify_channel AS c USING (channel_id) "
        "WHERE notify_outbox.kind = 'channel_failing' ORDER BY 1"
    )
    return [row[0] for row in told.fetchall()]


async def test_one_failure_is_nobodys_business(
    world: World, connection: AsyncConnection[Any], claimed: Claimed
) -> None:
    assert await warn(world, connection, claimed) == []


async def test_after_ten_minutes_the_routes_other_channels_hear_of_it_once(
    world: World, connection: AsyncConnection[Any], claimed: Claimed
) -> None:
    for _ in range(3):
        assert await warn(world, connection, claimed, 600) == ["of-the-route"]


async def test_a_message_that_was_refused_is_told_at_once(
    world: World, connection: AsyncConnection[Any], claimed: Claimed
) -> None:
    assert await warn(world, connection, claimed, lost=True) == ["of-the-route"]


async def test_where_the_route_has_no_other_that_works_all_others_hear_of_it(
    world: World, connection: AsyncConnection[Any], claimed: Claimed
) -> None:
    world.connection.execute("UPDATE notify_channel SET failing_since = now() WHERE slug = 'of-the-route'")
    assert await warn(world, connection, claimed, 600) == ["another"]


async def test_nobody_left_to_tell_is_no_error(
    world: World, connection: AsyncConnection[Any], claimed: Claimed
) -> None:
    world.connection.execute("UPDATE notify_channel SET removed_at = now() WHERE slug <> 'failing'")
    assert await warn(world, connection, claimed, 600) == []
