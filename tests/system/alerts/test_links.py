"""A site of 400 channels loses its link, and comes back with what it had to tell."""

import asyncio

import pytest

from siloscope_process.clock import SystemClock
from tests.system.alerts.nodes import NORMAL_C, Node, Reading
from tests.system.alerts.world import World

pytestmark = [pytest.mark.system, pytest.mark.mosquitto, pytest.mark.timescale]
HOT = {
    "rule": "hot",
    "name": "Grain is hot",
    "select": {"quantities": ["temperature"]},
    "condition": {"kind": "threshold", "above": 30, "clear": 28},
    "group_by": ["rule", "site"],
}
SILENT = {
    "rule": "channel-silent",
    "name": "A sensor is silent",
    "condition": {"kind": "no_data", "intervals": 3, "at_least": "6s"},
}
NODES, CHANNELS = 4, 100
HOURS_MS, MINUTE_MS = 6 * 3_600_000, 60_000
BACKLOG_CHANNELS, BACKLOG_EVERY_MS = 20, 5_000
EXCURSION, SPIKE = (100, 140), (200, 205)
"""Minutes of the backlog: what lasts for the rule's duration, and what does not."""
SITE_NAME = "north-farm"


async def farm(world: World) -> list[Node]:
    """Connect four nodes of a hundred channels each, two of them hot, and wait until people know of these two."""
    await world.rules(HOT, SILENT)
    nodes = [await world.node(f"bin-{number}", CHANNELS) for number in range(1, NODES + 1)]
    await world.until_stored(NODES * CHANNELS)
    await world.judged_for(1)
    assert world.subjects == []
    nodes[0].values[4] = nodes[1].values[7] = 34.5
    await world.until_states({"firing": 2})
    await world.until_mails(1)
    return nodes


async def test_a_site_that_loses_its_link_is_one_message(world: World) -> None:
    nodes = await farm(world)
    before = len(world.mailbox.mails)
    await asyncio.gather(*(node.lose_link() for node in nodes))
    await world.until_states({"unknown": 2}, 30)
    await world.until_mails(before + 1, 30)
    await world.judged_for(20)
    assert world.subjects[before:] == world.subjects[before : before + 1], "one message tells of it all"
    told = world.text(before)
    assert "400" in told
    assert told.count("Grain is hot") == 2, told
    resolved = world.rows("SELECT count(*) FROM alert_transition WHERE to_state = 'resolved'")
    assert resolved == [(0,)], "silence resolves nothing"


async def test_a_backlog_of_six_hours_is_one_notice_of_what_it_shows(world: World) -> None:
    await world.rules(HOT | {"hold": "10m"}, SILENT)
    nodes = [await world.node(f"bin-{number}", BACKLOG_CHANNELS, BACKLOG_EVERY_MS / 1_000) for number in (1, 2)]
    await world.until_stored(len(nodes) * BACKLOG_CHANNELS)
    await world.judged_for(1)
    await asyncio.gather(*(node.lose_link() for node in nodes))
    await world.until_mails(1, 45)
    assert world.subjects == [f"Warning: {SITE_NAME} is silent"]
    from_ms = SystemClock().now_ms() - HOURS_MS
    for node, hot in zip(nodes, (True, False), strict=True):
        backlog = _backlog(from_ms, hot=hot)
        node.samples_a_pack = 90
        await node.connect(owed=backlog)
        node.read()
        await node.send(backlog)
    await world.until_mails(2, 100)
    await world.judged_for(5)
    assert len(world.mailbox.mails) == 2, world.subjects
    stored = world.rows("SELECT count(*)::int FROM sample_late")
    assert stored[0][0] > 0, "it did come late"
    begins_ms, ends_ms = from_ms + EXCURSION[0] * MINUTE_MS, from_ms + EXCURSION[-1] * MINUTE_MS
    past = world.rows(
        "SELECT c.key, a.state, (extract(epoch FROM a.began_at) * 1000)::int8, "
        "(extract(epoch FROM a.ended_at) * 1000)::int8, a.facts ->> 'worst' "
        "FROM alert AS a JOIN channel AS c USING (channel_id) WHERE a.retrospective"
    )
    assert past == [("t3", "resolved", begins_ms, ends_ms - BACKLOG_EVERY_MS, "33.0")]
    local = world.rows(
        "SELECT to_char(a.began_at AT TIME ZONE s.time_zone, 'HH24:MI'), "
        "to_char(a.ended_at AT TIME ZONE s.time_zone, 'HH24:MI') "
        "FROM alert AS a JOIN site AS s USING (site_id) WHERE a.retrospective"
    )[0]
    told = world.text(1)
    assert "bin-1, t3: Grain is hot, from " in told
    assert f"{local[0]} to " in told
    assert f"{local[1]}, reached 33 °C, now 20 °C" in told
    kinds = world.rows("SELECT kind FROM notify_outbox ORDER BY enqueued_at")
    assert kinds == [("firing",), ("retrospective",)]


def _backlog(from_ms: int, *, hot: bool) -> list[Reading]:
    """Six hours as they were read; the third channel is too hot for forty minutes of them, and once for five."""
    found: list[Reading] = []
    for time_ms in range(from_ms, from_ms + HOURS_MS - 5 * MINUTE_MS, BACKLOG_EVERY_MS):
        minute = (time_ms - from_ms) // MINUTE_MS
        values = [NORMAL_C] * BACKLOG_CHANNELS
        if hot and (EXCURSION[0] <= minute < EXCURSION[-1] or SPIKE[0] <= minute < SPIKE[-1]):
            values[2] = 33.0 if minute in range(*EXCURSION) else 45.0
        found.append((time_ms, values))
    return found
