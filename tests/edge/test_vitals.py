"""Vitals come on a grid; what passes while the whole agent stands still is declared, never caught up in a burst."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from siloscope_contract.gaps import Gap, GapKind
from siloscope_edge import vitals
from siloscope_edge.config import VITALS_DEVICE
from siloscope_edge.gauging import Gauges
from siloscope_process.clock import ManualClock
from tests.edge.test_edge_page import PAGE
from tests.edge.test_machine import HWMON, ZONES, laid_out


@pytest.mark.parametrize(("stood_still_s", "next_s"), [(170.0, 300.0), (181.0, 360.0)])
async def test_an_agent_that_stood_still_says_which_vitals_it_left_out(stood_still_s: float, next_s: float) -> None:
    clock = ManualClock()
    gaps: list[Gap] = []
    uptimes: list[float] = []
    woke_s = 120 + stood_still_s
    async with aclosing(vitals.turns(clock, 60, gaps.append, clock.now_ms)) as turns:
        uptimes.append(await anext(turns))
        for wait_s in (60.0, 60 + stood_still_s, next_s - woke_s):
            coming = asyncio.ensure_future(anext(turns))
            await asyncio.sleep(0)
            clock.advance(wait_s)
            uptimes.append(await coming)
    assert uptimes == [0, 60, woke_s, next_s]
    (gap,) = gaps
    assert (gap.kind, gap.device, gap.count) == (GapKind.AGENT_OFF, VITALS_DEVICE, stood_still_s // 60)
    assert gap.to_ms - gap.from_ms == 1000 * stood_still_s


def test_all_vitals_of_a_raspberry_pi_are_told(tmp_path: Path) -> None:
    machine = laid_out(tmp_path, {**ZONES, **HWMON, "proc/meminfo": "MemAvailable: 512 kB\n"})
    sample = vitals.sample(tmp_path, 5, 61.4, 7, Gauges(1000, 0.71234567, 3.0, -0.0123456), machine)
    assert sample.names == tuple(channel.key for channel in vitals.channels(machine)) == vitals_keys()
    told = dict(zip(sample.names, sample.values, strict=True))
    assert (told["uptime"], told["packs_owed"], told["spool_share"], told["clock_offset"]) == (61, 7, 0.7123, -0.012)
    assert (told["cpu_temperature"], told["supply_low"], told["memory_available"]) == (48.3, 0, 524_288)
    assert set(sample.quality) == {0}


def test_a_machine_without_sensors_announces_none_and_leaves_out_what_is_not_known(tmp_path: Path) -> None:
    machine = laid_out(tmp_path, {"proc/meminfo": ""})
    sample = vitals.sample(tmp_path, 5, 61.4, 7, Gauges(), machine)
    assert {"cpu_temperature", "supply_low"} == {*vitals_keys()} - {each.key for each in vitals.channels(machine)}
    assert {*vitals_keys()} - {*sample.names} == {"cpu_temperature", "supply_low", "memory_available", "clock_offset"}


def test_every_channel_is_in_the_table_of_the_page() -> None:
    rows = PAGE.partition("## Vitals")[2]
    assert [line.split("`")[1] for line in rows.splitlines() if line.startswith("| `")] == [*vitals_keys()]


def vitals_keys() -> tuple[str, ...]:
    return tuple(channel.key for channel in vitals.CHANNELS)
