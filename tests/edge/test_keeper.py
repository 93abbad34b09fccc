"""Samples wait for one commit at most, and what the disk does not take waits on, is bounded, and is declared."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import Pack, Sample, decode
from siloscope_edge import keeper as keeping
from siloscope_edge.config import SpoolLimits
from siloscope_edge.errors import SpoolFull, SpoolUnusable
from siloscope_edge.keeper import Keeper
from siloscope_edge.metrics import Metrics
from siloscope_edge.spool import Spool, Written
from siloscope_process.clock import ManualClock
from siloscope_process.operations import Health

LIMITS = SpoolLimits(commit_interval_s=1.0)


class Desk:
    """A keeper over a real spool, whose disk can be made full."""

    def __init__(self, directory: Path, limits: SpoolLimits = LIMITS) -> None:
        self.clock = ManualClock()
        self.health = Health(["spool"])
        self.spool = Spool(directory, limits, self.clock.now_ms())
        self.keeper = Keeper(self.spool, limits, self.clock, Metrics(CollectorRegistry()), self.health)
        self.written: list[Written] = []
        self.keeper.on_written = self.written.append
        self._write = self.spool.write

    def fill_disk(self, error: type[Exception] = SpoolFull) -> None:
        def refuse(*args: object, **rest: object) -> Written:
            raise error("database or disk is full")

        self.spool.write = refuse  # type: ignore[method-assign]  # the disk is made full

    def free_disk(self) -> None:
        self.spool.write = self._write  # type: ignore[method-assign]

    async def packs(self) -> list[Pack]:
        owed, _ = await self.keeper.owed()
        return [decode(payload, received_ms=0) for payload in (await self.keeper.payloads(owed)).values()]

    def sample(self, at: int) -> Sample:
        return Sample("head", self.clock.now_ms() + at, ("t1",), ("Cel",), [float(at)], [0])


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.free_disk()
    await made.keeper.close()


async def test_samples_of_one_interval_share_a_commit(desk: Desk) -> None:
    task = asyncio.create_task(desk.keeper.run())
    await desk.clock.settle()
    for at in range(5):
        desk.keeper.take(desk.sample(at))
    await desk.clock.run_for(0.2)  # after a while of nothing they wait for a quarter of a second
    assert desk.written == []
    await desk.clock.run_for(0.8)
    assert await desk.keeper.flush()  # it waits for the one under way
    assert len(desk.written) == 1
    assert [len(pack.samples) for pack in await desk.packs()] == [5]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_cancelled_flush_still_commits_once(desk: Desk) -> None:
    desk.keeper.take(desk.sample(1))
    flush = asyncio.create_task(desk.keeper.flush())
    await asyncio.sleep(0)
    flush.cancel()
    await asyncio.gather(flush, return_exceptions=True)
    assert await desk.keeper.flush()
    assert [len(pack.samples) for pack in await desk.packs()] == [1]


async def test_what_a_full_disk_refuses_is_committed_later_in_order(desk: Desk) -> None:
    desk.fill_disk()
    desk.keeper.take(desk.sample(1))
    assert not await desk.keeper.flush()
    assert not desk.health.ready
    desk.keeper.take(desk.sample(2))
    assert not await desk.keeper.flush()
    assert await desk.packs() == []
    desk.free_disk()
    assert await desk.keeper.flush()
    assert desk.health.ready
    assert [sample.values for pack in await desk.packs() for sample in pack.samples] == [[1.0], [2.0]]


async def test_a_lonely_sample_waits_little_and_a_stream_of_them_shares_commits_of_two_seconds(tmp_path: Path) -> None:
    desk = Desk(tmp_path, SpoolLimits())
    task = asyncio.create_task(desk.keeper.run())
    await desk.clock.settle()
    desk.keeper.take(desk.sample(0))
    await desk.clock.run_for(0.25)
    assert await desk.keeper.flush()
    assert len(desk.written) == 1
    for at in range(1, 101):
        desk.keeper.take(desk.sample(at))
        await desk.clock.run_for(0.1)
        await desk.keeper.owed()  # the spool's thread has done what it was given
        await desk.clock.settle()
        assert desk.keeper.waiting <= 21
    assert await desk.keeper.flush()
    assert len(desk.written) <= 7
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await desk.keeper.close()


async def test_what_is_dropped_while_the_disk_is_full_is_declared(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MAX_WAITING", 3)
    desk.fill_disk()
    for at in range(10):
        desk.keeper.take(desk.sample(at))
        await desk.keeper.flush()
    desk.keeper.take_gap(Gap(GapKind.BUS_ERROR, 1, 2, device="head", count=1))
    assert not await desk.keeper.flush()
    desk.free_disk()
    assert await desk.keeper.flush()
    packs = await desk.packs()
    start_ms = desk.clock.now_ms()
    assert [sample.values[0] for pack in packs for sample in pack.samples] == [7.0, 8.0, 9.0]
    gaps = {gap.kind: gap for pack in packs for gap in pack.gaps}
    assert (gaps[GapKind.EVICTED].count, gaps[GapKind.EVICTED].from_ms) == (7, start_ms)
    assert gaps[GapKind.EVICTED].to_ms == start_ms + 6
    assert gaps[GapKind.BUS_ERROR].device == "head"
    assert await desk.keeper.flush()
    assert len(await desk.packs()) == len(packs)


async def test_a_damaged_file_ends_the_keeping(desk: Desk) -> None:
    desk.fill_disk(SpoolUnusable)
    desk.keeper.take(desk.sample(1))
    with pytest.raises(SpoolUnusable):
        await desk.keeper.flush()
