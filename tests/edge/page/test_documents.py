"""What is told is as old as it is, a failure is never a value, and nothing of it is a secret."""

from pathlib import Path

import pytest

from siloscope_contract.quality import Quality
from siloscope_edge.errors import Trouble
from siloscope_edge.page.page_settings import PageSettings
from siloscope_edge.readings import Reading
from tests.edge.page.watched_yard import KEYS, PERIOD_S, SECRET, WatchedYard


async def test_a_channel_that_was_never_read_has_neither_value_nor_age(yard: WatchedYard) -> None:
    never = await yard.channel("bin-1", "t1")
    assert (never["value"], never["quality"], never["age_s"], never["last_good"]) == (None, None, None, None)
    (bus,) = (await yard.told("/status.json"))["buses"]
    assert (bus["open"], bus["detail"], bus["devices"]) == (False, "nobody reads it", [])
    yard.board.begins(yard.poller)
    assert ((await yard.device("bin-1"))["state"], (await yard.device("bin-1"))["answer_s"]) == ("new", None)


async def test_a_failed_reading_has_a_reason_and_no_value_but_the_last_good_one_with_its_own_age(
    yard: WatchedYard,
) -> None:
    await yard.poll()
    yard.pass_time(PERIOD_S)
    yard.fail("bin-1", 2, Quality.SENSOR_MISSING)
    await yard.poll(3)
    found = await yard.channel("bin-1", "t3")
    assert (found["value"], found["quality"], found["reason"]) == (None, "bad", "sensor_missing")
    assert found["last_good"] == {"value": 22.0, "age_s": 3 * PERIOD_S}
    assert (await yard.channel("bin-1", "t4"))["value"] == 23.0
    assert (await yard.channel("bin-1", "t4"))["last_good"] is None
    yard.bus.readings["bin-1"][2] = Reading(30.0, 0)
    yard.pass_time(PERIOD_S)
    await yard.poll()
    found = await yard.channel("bin-1", "t3")
    assert (found["value"], found["quality"], found["reason"], found["last_good"]) == (30.0, "good", None, None)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
async def test_a_number_that_is_none_is_told_as_none(yard: WatchedYard, number: float) -> None:
    """A driver of somebody else may bring one."""
    yard.bus.readings["bin-1"][0] = Reading(number, 0)
    await yard.poll()
    assert (await yard.channel("bin-1", "t1"))["value"] is None
    day = await yard.told("/history.json", device="bin-1", channel="t1")
    assert day["channels"][0]["mean"][-1] is None


async def test_doubt_is_told(yard: WatchedYard) -> None:
    yard.bus.readings["bin-1"][0] = Reading(20.0, int(Quality.STUCK))
    await yard.poll()
    found = await yard.channel("bin-1", "t1")
    assert (found["value"], found["quality"], found["reason"]) == (20.0, "uncertain", "stuck")


async def test_what_is_read_no_more_grows_old_and_then_stale(yard: WatchedYard) -> None:
    await yard.poll()
    yard.pass_time(3 * PERIOD_S)
    assert not (await yard.channel("bin-1", "t1"))["stale"]
    yard.pass_time(0.2)
    found = await yard.channel("bin-1", "t1")
    assert (found["stale"], found["age_s"], found["value"]) == (True, 15.2, 20.0)


@pytest.mark.parametrize("step_s", [-40 * 365 * 86_400.0, -3600.0, 7200.0])
async def test_a_wall_clock_that_steps_makes_nothing_older_or_younger(yard: WatchedYard, step_s: float) -> None:
    await yard.poll(2)
    before = await yard.told("/history.json", device="bin-1")
    yard.kernel.step(step_s)
    yard.clock.jump(step_s)
    yard.guard.stamp()
    assert (await yard.channel("bin-1", "t1"))["age_s"] == 0.0
    assert await yard.told("/history.json", device="bin-1") == before
    clock = (await yard.told("/status.json"))["clock"]
    assert (clock["synchronised"], clock["dates"]) == (False, "known")
    assert clock["now"] == "2026-09-21T14:13:25+00:00"  # counted on from when it was right
    assert clock["wall"] != clock["now"]


async def test_before_the_clock_is_known_ages_are_told_and_dates_are_not(tmp_path: Path) -> None:
    yard = WatchedYard(tmp_path, synchronised=False)
    await yard.poll(3)
    await yard.keeper.flush()
    yard.pass_time(2)
    assert (await yard.channel("bin-2", "t8"))["age_s"] == 2.0
    status = await yard.told("/status.json")
    assert (status["clock"]["dates"], status["clock"]["now"], status["clock"]["synchronised"]) == (
        "waiting",
        None,
        False,
    )
    assert status["spool"]["undated_packs"] == status["clock"]["undated_packs"] == 1
    assert status["spool"]["oldest_age_s"] is None
    yard.pass_time(600)
    yard.guard.stamp()
    assert (await yard.told("/status.json"))["clock"]["dates"] == "provisional"
    await yard.close()


async def test_a_dead_device_says_how_often_it_failed_and_when_it_is_tried_again(yard: WatchedYard) -> None:
    await yard.poll()
    yard.bus.dead = {"bin-1"}
    yard.pass_time(PERIOD_S)
    await yard.poll()
    assert (await yard.device("bin-1"))["state"] == "missed"
    yard.pass_time(PERIOD_S)
    await yard.poll(2)
    yard.trouble("bin-1", Trouble.NO_ANSWER)
    yard.trouble("bin-1", Trouble.NO_ANSWER)
    yard.pass_time(1)
    found = await yard.device("bin-1")
    assert (found["state"], found["failures"], found["detail"]) == ("silent", 3, "unit 1: no answer")
    assert found["rests_s"] == 9.0
    assert found["troubles"] == {"no_answer": 2}
    assert (await yard.device("bin-2"))["state"] == "answers"
    reading = await yard.channel("bin-1", "t1")
    assert (reading["value"], reading["reason"], reading["last_good"]["value"]) == (None, "comm_failure", 20.0)
    yard.bus.dead = set()
    yard.pass_time(60)
    await yard.poll()
    found = await yard.device("bin-1")
    assert (found["state"], found["rests_s"], found["detail"], found["failures"]) == ("answers", None, "", 0)


async def test_a_device_that_answers_with_an_error_refuses(yard: WatchedYard) -> None:
    yard.bus.refusing = {"bin-2"}
    await yard.poll()
    found = await yard.device("bin-2")
    assert (found["state"], found["detail"]) == ("refuses", "unit 1: exception 2")


async def test_a_port_that_is_gone_is_named_with_its_reason(yard: WatchedYard) -> None:
    yard.bus.present = False
    await yard.poll()
    (bus,) = (await yard.told("/status.json"))["buses"]
    assert (bus["open"], bus["detail"], bus["line"]) == (False, "/dev/ttyUSB0: no such port", "127.0.0.1:2")
    assert {each["state"] for each in bus["devices"]} == {"port_closed"}


async def test_the_link_says_since_when_and_when_the_database_confirmed(yard: WatchedYard) -> None:
    yard.pass_time(30)
    link = (await yard.told("/status.json"))["link"]
    assert (link["up"], link["since_s"], link["confirmed_s"]) == (False, 30.0, None)
    assert link["detail"] == "127.0.0.1:1: refused"
    yard.link.connected_at_s, yard.link.confirmed_at_s = 10.0, 25.0
    link = (await yard.told("/status.json"))["link"]
    assert (link["up"], link["since_s"], link["confirmed_s"], link["detail"]) == (True, 20.0, 5.0, "")


async def test_the_spool_says_what_waits_since_when_and_what_was_lost(yard: WatchedYard) -> None:
    await yard.poll()
    assert (await yard.told("/status.json"))["spool"]["unwritten_samples"] == 2
    await yard.keeper.flush()
    yard.outbox.spooled(1, 2)
    yard.metrics.evicted_packs.inc(3)
    yard.metrics.dropped_samples.inc(4)
    yard.pass_time(120)
    spool = (await yard.told("/status.json"))["spool"]
    assert (spool["owed_packs"], spool["oldest_age_s"], spool["unwritten_samples"]) == (1, 120.0, 0)
    assert (spool["evicted_packs"], spool["dropped_samples"], spool["trouble"]) == (3, 4, None)
    assert 0 < spool["used_bytes"] < spool["max_bytes"]
    yard.health.set("spool", False, "database or disk is full")
    assert (await yard.told("/status.json"))["spool"]["trouble"] == "database or disk is full"


async def test_a_day_is_told_in_steps_as_long_as_asked(yard: WatchedYard) -> None:
    await yard.poll(40)
    day = await yard.told("/history.json", device="bin-1", step_s="600")
    assert (day["step_s"], [each["key"] for each in day["channels"]]) == (600, KEYS)
    assert len(day["channels"][0]["mean"]) == 144
    assert day["from_s"] <= day["instant_s"] - 86_400 + 600
    fine = await yard.told("/history.json", device="bin-1", channel="t2")
    (curve,) = fine["channels"]
    assert fine["step_s"] == 60
    assert curve["mean"][-3:] == curve["least"][-3:] == curve["greatest"][-3:] == [21.0] * 3
    assert curve["flags"][-4:] == "1111"
    assert set(curve["flags"][:-4]) == {"0"}


async def test_without_memory_for_charts_there_are_none_and_it_is_said(tmp_path: Path) -> None:
    yard = WatchedYard(tmp_path, page=PageSettings(history_bytes=0))
    await yard.poll()
    assert (await yard.told("/status.json"))["history"]["step_s"] is None
    assert not (await yard.told("/values.json", device="bin-1"))["devices"][0]["history"]
    await yard.close()


async def test_nothing_that_is_told_is_a_secret(yard: WatchedYard) -> None:
    await yard.poll()
    for path in ("/status.json", "/values.json"):
        body = (await yard.answer(path)).body.decode()
        assert SECRET not in body
        assert "node.demo" not in body
        assert "password" not in body
