"""The watch on a clock of its own: alarms switch outputs, say so, and give a chattering relay its rest."""

import itertools
from pathlib import Path

import pytest

from siloscope_contract.gaps import GapKind
from siloscope_contract.quality import Quality
from tests.edge.alarms.alarmed_yard import ALARMS, Yard


async def test_an_alarm_switches_its_output_and_says_so(yard: Yard) -> None:
    async with yard.watching():
        await yard.reads(20, 36, 36, 36, 33, 30, 30, 30, 30)
    assert yard.switch.written == [(30.0, True), (70.0, False)]
    assert yard.told("alarm_hot") == [(0, 100), (0, 0), (1, 0), (2, 0), (3, 0), (0, 0)]
    assert yard.told("output_siren") == [(0, 0), (1, 0), (0, 0)]
    assert yard.told("changes_siren")[-1] == (2, 0)
    assert {sample.device for sample in yard.samples} == {"alarms"}
    times = [sample.time_ms for sample in yard.samples]
    assert times == sorted(set(times))
    assert yard.metric("output_changes_total", output="siren") == 2
    assert yard.metric("alarm_phase", alarm="hot") == 0


async def test_a_duration_ends_without_a_further_reading(yard: Yard) -> None:
    async with yard.watching():
        await yard.reads(36)
        await yard.clock.run_for(11)
        assert yard.switch.on
        await yard.clock.run_for(3600)  # and a lack of them never clears it
        assert yard.switch.on
        assert yard.told("alarm_hot")[-1] == (2, Quality.UNCERTAIN)
        assert yard.metric("alarm_unknown", alarm="hot") == 1


async def test_bad_readings_open_nothing_and_clear_nothing(yard: Yard) -> None:
    async with yard.watching():
        await yard.reads(*[None] * 30)
        assert yard.switch.written == []
        await yard.reads(36, 36, 36, *[None] * 30)
        assert yard.switch.on
        await yard.reads(30, None, 30, 30)
        assert not yard.switch.on


async def test_where_it_shall_a_lack_of_readings_switches_it_on(tmp_path: Path) -> None:
    yard = Yard(tmp_path, ALARMS.replace("for_s: 20,", "on_unknown: activate,", 1))
    async with yard.watching():
        await yard.reads(20, 20)
        await yard.clock.run_for(60)
        assert yard.switch.on
        await yard.reads(20, 20, 20, 20)
        assert not yard.switch.on


async def test_a_chattering_alarm_moves_its_relay_no_oftener_than_the_interval(tmp_path: Path) -> None:
    yard = Yard(
        tmp_path,
        ALARMS.replace("for_s: 20, clear_for_s: 20, ", "").replace("coil: 3", "coil: 3, minimum_interval_s: 60"),
    )
    async with yard.watching():
        await yard.reads(*[36, 30] * 100)
    times = [at for at, _ in yard.switch.written]
    assert 20 < len(times) < 36
    assert all(later - earlier >= 60 for earlier, later in itertools.pairwise(times))


async def test_a_write_that_fails_is_reported_and_tried_until_it_succeeds(yard: Yard) -> None:
    async with yard.watching():
        await yard.reads(20)
        yard.switch.silent = True
        await yard.reads(36, 36, 36, *[36] * 12)
        assert yard.told("output_siren") == [(0, 0), (None, Quality.COMM_FAILURE)]
        failures = yard.metric("output_failures_total", output="siren", reason="comm_failure")
        assert failures is not None
        assert 5 < failures < 12
        yard.switch.silent = False
        await yard.reads(36, 36, 36, 36)
        assert yard.switch.on
        assert yard.told("output_siren")[-1] == (1, 0)
        assert yard.told("changes_siren")[-1] == (1, 0)


async def test_a_relay_that_confirms_and_does_not_move_is_reported(yard: Yard) -> None:
    async with yard.watching():
        await yard.reads(20)
        yard.switch.stuck = True
        await yard.reads(36, 36, 36, 36)
        assert yard.told("output_siren")[-1] == (None, Quality.NOT_PLAUSIBLE)
        yard.switch.stuck = False
        await yard.reads(36, 36, 36)
        assert yard.told("output_siren")[-1] == (1, 0)


async def test_a_relay_that_lost_its_power_is_switched_on_again(yard: Yard) -> None:
    async with yard.watching():
        await yard.reads(36, 36, 36, 36)
        yard.switch.on = False
        await yard.reads(*[36] * 7)
        assert yard.switch.on


async def test_a_latched_alarm_stays_until_it_is_reset(tmp_path: Path) -> None:
    yard = Yard(tmp_path, ALARMS.replace("for_s: 20, clear_for_s: 20,", "latch: true,"))
    async with yard.watching() as watch:
        await yard.reads(36, 30, 30)
        assert yard.switch.on
        assert yard.told("alarm_hot")[-1] == (4, 0)
        assert watch.reset("hot")
        await yard.clock.run_for(1)
        assert not yard.switch.on
        assert not watch.reset("hot")
        with pytest.raises(KeyError):
            watch.reset("cold")


async def test_an_agent_that_stood_still_declares_what_it_did_not_say(yard: Yard) -> None:
    async with yard.watching():
        await yard.reads(20)
        yard.clock.advance(600)
        await yard.clock.settle()
    (gap,) = yard.gaps
    assert (gap.kind, gap.device) == (GapKind.AGENT_OFF, "alarms")
    assert 8 <= (gap.count or 0) <= 10


async def test_what_nothing_changes_is_told_once_a_minute(yard: Yard) -> None:
    async with yard.watching():
        await yard.reads(*[20] * 60)
    assert 10 <= len(yard.samples) <= 14
