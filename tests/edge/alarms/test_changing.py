"""Other alarms while the watch runs: what is the same goes on, what leaves is switched off."""

import asyncio
from pathlib import Path

from msgspec.structs import replace

from siloscope_contract.packs import Sample
from tests.edge.alarms.alarmed_yard import ALARMS, Yard


async def test_other_alarms_from_afar_keep_what_is_the_same_and_switch_off_what_leaves(yard: Yard) -> None:
    async with yard.watching() as watch:
        await yard.reads(36, 36, 36, 36)
        assert yard.switch.on
        more = yard.read(ALARMS + "  - {name: cold, device: head-1, channels: [t2], below: 2, switches: [siren]}\n")
        await watch.change_to(more)
        await yard.reads(36)
        assert (yard.switch.on, len(yard.switch.written)) == (True, 1)
        assert set(watch.alarms) == {"hot", "cold"}
        await yard.changes_to(yard.read(""))
        assert not yard.switch.on
        assert (watch.alarms, watch.actuators) == ({}, {})


async def test_nothing_switches_an_output_on_again_that_leaves(tmp_path: Path) -> None:
    yard = Yard(
        tmp_path,
        ALARMS.replace("for_s: 20, clear_for_s: 20, ", "").replace("coil: 3", "coil: 3, minimum_interval_s: 5"),
    )
    async with yard.watching() as watch:
        await yard.reads(36)
        watch.actuators["siren"].hold(on=True)  # a test is under way too
        changing = asyncio.ensure_future(watch.change_to(yard.read("")))
        await yard.clock.run_for(1)
        watch.saw(Sample("head-1", 0, ("t1",), ("Cel",), [30.0], [0]))
        watch.saw(Sample("head-1", 0, ("t1",), ("Cel",), [36.0], [0]))
        await yard.clock.run_for(10)
        await changing
    assert not yard.switch.on


async def test_an_output_that_leaves_and_comes_back_counts_on(yard: Yard) -> None:
    async with yard.watching():
        await yard.reads(36, 36, 36, 36)
        for alarms in ("", ALARMS):
            await yard.changes_to(yard.read(alarms))
        await yard.clock.run_for(60)
        assert yard.told("changes_siren")[-1] == (3, 0)  # on, off when it left, on again


async def test_what_was_reset_does_not_come_back_by_a_change_that_is_taken_back(tmp_path: Path) -> None:
    yard = Yard(tmp_path, ALARMS.replace("for_s: 20, clear_for_s: 20,", "latch: true,"))
    async with yard.watching():
        await yard.reads(36, 30)
    yard.watch = yard.made()  # latched since before the start
    async with yard.watching() as watch:
        assert watch.reset("hot")
        await yard.reads(30, 30)
        for installed in (
            replace(yard.installation, config=replace(yard.installation.config, alarms=())),
            yard.installation,
        ):
            await yard.changes_to(installed)
        await yard.reads(30)
        assert yard.told("alarm_hot")[-1] == (0, 0)
        assert not yard.switch.on


async def test_an_output_that_only_a_reload_of_rules_names_is_left_alone(yard: Yard) -> None:
    same = replace(yard.installation, config=replace(yard.installation.config, alarms=()))
    async with yard.watching() as watch:
        await yard.reads(36, 36, 36, 36)
        await watch.change_to(same)
        await yard.clock.run_for(10)
    assert [on for _, on in yard.switch.written] == [True, False]
