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
EXCURSION = range(100, 140)


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
    nodes = await farm(world)
    await asyncio.gather(*(node.lose_link() for node in nodes))
    await world.until_states({"unknown": 2}, 30)
    await world.until_mails(2, 30)
    before = len(world.mailbox.mails)
    backlog = _backlog(SystemClock().now_ms() - HOURS_MS)
    for node in nodes:
        await node.connect(owed=backlog)
        node.read()
    await nodes[0].send(backlog)
    for node in nodes[1:]:
        await node.send([(time_ms, [NORMAL_C] * CHANNELS) for time_ms, _ in backlog])
    await world.until_states({"firing": 2})
    await world.until_mails(before + 1, 75)
    await world.judged_for(5)
    assert len(world.mailbox.mails) == before + 1, world.subjects
    assert "bin-1, t3: Grain is hot" in world.text(before)
    assert "reached 33 °C, now 20 °C" in world.text(before)
    kinds = world.rows("SELECT kind FROM notify_outbox ORDER BY enqueued_at DESC LIMIT 1")
    assert kinds == [("retrospective",)]
    # The samples are further apart than the birth's interval: each is an excursion by itself, told as one.
    past = world.rows(
        "SELECT bool_and(state = 'resolved'), extract(epoch FROM max(ended_at) - min(began_at))::int "
        "FROM alert WHERE retrospective"
    )
    assert past == [(True, (len(EXCURSION) - 1) * 60)]


def _backlog(from_ms: int) -> list[Reading]:
    """Six hours, a sample a minute; the third channel is too hot for some of them."""
    found: list[Reading] = []
    for minute in range(HOURS_MS // MINUTE_MS - 5):
        values = [NORMAL_C] * CHANNELS
        values[2] = 33.0 if minute in EXCURSION else NORMAL_C
        found.append((from_ms + minute * MINUTE_MS, values))
    return found
