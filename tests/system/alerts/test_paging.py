"""Who is paged how often: a sensor that flaps, processes that come and go, a test alarm."""

import asyncio
from functools import partial

import pytest

from siloscope_process.clock import SystemClock
from tests.ingest.waiting import eventually
from tests.system.alerts.nodes import NORMAL_C
from tests.system.alerts.world import World

pytestmark = [pytest.mark.system, pytest.mark.mosquitto, pytest.mark.timescale]
HOT = {
    "rule": "hot",
    "name": "Grain is hot",
    "select": {"quantities": ["temperature"]},
    "condition": {"kind": "threshold", "above": 30, "clear": 28},
}
FLAPS = 100
APART_MS = 100
HOT_C = 34.5
TAKES_OVER_WITHIN_S = 10.0


async def test_a_sensor_that_flaps_a_hundred_times_is_two_messages(world: World) -> None:
    await world.rules(HOT)
    node = await world.node("bin-1", 1, APART_MS / 2_000)
    await world.until_stored(1)
    await node.lose_link()
    await node.connect()
    begin_ms = SystemClock().now_ms() + 100
    for at_ms in range(begin_ms, begin_ms + FLAPS * APART_MS, APART_MS):
        await eventually(partial(_is_past, at_ms), SystemClock().now_ms)
        await node.send([(at_ms - APART_MS // 2, [HOT_C]), (at_ms, [NORMAL_C])])
    node.read()
    await world.judged_for(10)
    fired = world.rows("SELECT count(*)::int FROM alert_transition WHERE to_state = 'firing'")[0][0]
    assert fired >= FLAPS / 2, "it did flap"
    assert len(world.mailbox.mails) <= 2, world.subjects


async def test_restarts_page_nobody_again(world: World) -> None:
    await world.rules(HOT | {"flapping": {"within": "8s"}})
    node = await world.node("bin-1", 3)
    node.values[1] = HOT_C
    await world.until_states({"firing": 1})
    await world.until_mails(1)
    await world.judged_for(0.5)
    first = world.services[0]
    for end in (first.kill, first.stop, first.kill):
        await asyncio.to_thread(end)
        first.start()
        await asyncio.to_thread(first.wait_ready)
        await eventually(lambda: world.holder() == first.pid, world.holder)
        await world.judged_for(1)
    assert world.subjects == world.subjects[:1]
    node.values[1] = NORMAL_C
    await world.until_mails(2)
    assert world.states() == {}


async def test_another_takes_over_within_ten_seconds_and_misses_nothing(world: World) -> None:
    await world.rules(HOT)
    node = await world.node("bin-1", 3)
    node.values[1] = HOT_C
    await world.until_mails(1)
    second = await world.start_alerting()
    first = world.services[0]
    first.freeze()
    node.values[2] = HOT_C + 1
    node.values[1] = NORMAL_C
    await eventually(lambda: world.holder() == second.pid, world.holder, TAKES_OVER_WITHIN_S)
    await world.until_states({"firing": 1})
    first.thaw()
    await world.judged_for(2)
    assert world.holder() == second.pid
    firing = world.rows("SELECT c.key FROM alert AS a JOIN channel AS c USING (channel_id) WHERE a.ended_at IS NULL")
    assert firing == [("t3",)]
    ids = world.mailbox.ids
    assert len(ids) == len(set(ids)), "no message was sent twice"
    fired = world.rows("SELECT count(*) FROM alert_transition WHERE to_state = 'firing'")
    assert fired == [(2,)]


async def test_a_test_alarm_travels_the_whole_way(world: World) -> None:
    await world.command("alerts", "test-alarm", "crew", "--organisation", "demo")
    await world.until_mails(1)
    delivered = "SELECT kind, state, attempts FROM notify_outbox"
    await eventually(lambda: world.rows(delivered) == [("test", "delivered", 1)], lambda: world.rows(delivered))
    assert world.mailbox.recipients == [["crew@farm.example"]]
    assert "crew" in await world.command("alerts", "channels", "list", "--organisation", "demo")


def _is_past(at_ms: int) -> bool:
    return SystemClock().now_ms() >= at_ms
