"""Charts begin with what the spool still has, at the right place in time, and only with what has one."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from siloscope_contract.packs import Sample
from siloscope_contract.quality import Quality
from siloscope_edge.page.history import BAD, GOOD
from siloscope_edge.page.refill import refill
from tests.edge.page.watched_yard import KEYS, TRUE_MS, WatchedYard

HOUR_S = 3600


def read(ago_s: float, value: float | None, device: str = "bin-1", now_ms: int = TRUE_MS) -> Sample:
    code = 0 if value is not None else int(Quality.COMM_FAILURE)
    unit = "Cel" if value is not None else None
    return Sample(device, now_ms - round(1000 * ago_s), tuple(KEYS), (unit,) * 8, [value] * 8, [code] * 8)


async def refilled(yard: WatchedYard) -> None:
    task = asyncio.create_task(refill(yard.station, yard.directory))
    while not task.done():
        await asyncio.wait([task], timeout=0.01)
        yard.clock.advance(1.0)
    await task


async def day(yard: WatchedYard, step_s: int = HOUR_S, device: str = "bin-1") -> tuple[list[float | None], str]:
    found = (await yard.told("/history.json", device=device, channel="t1", step_s=str(step_s)))["channels"][0]
    return found["mean"], found["flags"]


def pause(values: Sequence[float | None]) -> list[int]:
    return [at for at, value in enumerate(values) if value is not None]


async def test_what_was_read_before_this_start_is_in_its_place(yard: WatchedYard) -> None:
    samples = [read(hour * HOUR_S, 10.0 + hour) for hour in range(30, 0, -1) if hour not in (5, 6)]
    await yard.spooled([*samples, read(5 * HOUR_S, None)])
    await yard.poll()
    await refilled(yard)
    means, flags = await day(yard)
    newest = len(means) - 1
    assert means[newest] == 20.0  # what was just read
    assert [means[newest - hour] for hour in (1, 2, 4)] == [11.0, 12.0, 14.0]
    assert (means[newest - 5], flags[newest - 5]) == (None, str(BAD))
    assert (means[newest - 6], flags[newest - 6]) == (None, "0")
    assert (means[1], flags[1]) == (10.0 + newest - 1, str(GOOD))


async def test_devices_that_are_not_read_any_more_and_other_channels_are_left_out(yard: WatchedYard) -> None:
    other = replace(read(HOUR_S, 5.0), names=tuple(f"x{at}" for at in range(8)))
    part = replace(read(2 * HOUR_S, 7.0), names=("t2", "t1"), units=("Cel",) * 2, values=[8.0, 7.0], quality=[0, 0])
    await yard.spooled([read(HOUR_S, 5.0, "gone"), other, part])
    await refilled(yard)
    means, _ = await day(yard)
    assert [means[at] for at in pause(means)] == [7.0]


async def test_what_has_no_date_is_placed_by_this_boot_and_the_rest_once_the_clock_is_known(tmp_path: Path) -> None:
    yard = WatchedYard(tmp_path, synchronised=False)
    yard.pass_time(500)
    yard.guard.stamp()
    await yard.spooled([read(300, 4.0, now_ms=yard.kernel.boot_ms())])
    task = asyncio.create_task(refill(yard.station, yard.directory))
    while not pause((await day(yard, 60))[0]):
        await asyncio.wait([task], timeout=0.01)
        yard.clock.advance(1.0)
    means, _ = await day(yard, 60)
    assert means[-6] == 4.0
    assert not task.done()
    yard.kernel.synchronise()
    yard.guard.stamp()
    while not task.done():
        await asyncio.wait([task], timeout=0.01)
        yard.clock.advance(5.0)
    await yard.close()


async def test_what_was_held_back_because_nothing_changed_is_no_gap(yard: WatchedYard) -> None:
    (heads,) = yard.installation.instruments.values()
    calm = tuple(replace(each, profile=replace(each.profile, heartbeat_s=900.0)) for each in heads)
    yard.installation = replace(yard.installation, instruments={"heads": calm})
    await yard.spooled([read(3000, 5.0), read(2100, 6.0), read(600, 7.0)])
    await refilled(yard)
    means, _ = await day(yard, 60)
    assert means[-51:-36] == [5.0] * 15
    assert means[-36] == 6.0
    assert means[-35:-11] == [None] * 24  # longer than a heartbeat: nobody knows
    assert means[-11] == 7.0


async def test_a_spool_that_cannot_be_read_leaves_charts_that_begin_now(yard: WatchedYard, tmp_path: Path) -> None:
    await yard.poll()
    await refill(yard.station, tmp_path / "nowhere")
    means, _ = await day(yard)
    assert [means[at] for at in pause(means)] == [20.0]
