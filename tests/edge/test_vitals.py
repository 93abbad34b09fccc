"""Vitals come on a grid; what passes while the whole agent stands still is declared, never caught up in a burst."""

import asyncio
from contextlib import aclosing

import pytest

from siloscope_contract.gaps import Gap, GapKind
from siloscope_edge import vitals
from siloscope_edge.config import VITALS_DEVICE
from siloscope_process.clock import ManualClock


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
