"""A bus has one owner; what others want of it is done between two of its polls, and costs no poll."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from msgspec.structs import replace

from siloscope_edge.drivers.modbus.device import ModbusDevice
from siloscope_edge.errors import PortUnavailable
from siloscope_edge.instruments import Instrument
from siloscope_edge.ports import InstrumentBus
from tests.edge.test_polling import PROFILE, Bench, FakeBus

T = TypeVar("T")
WITHIN_S = 30.0


class Owned(Bench):
    """A bench whose poller runs."""

    async def __aenter__(self) -> "Owned":
        self.task = asyncio.ensure_future(self.poller.run())
        await self.clock.run_for(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def visited(self, work: Callable[[InstrumentBus], Awaitable[T]], seconds: float = 0.0) -> T:
        visit = asyncio.ensure_future(self.poller.visit(work, WITHIN_S))
        await self.clock.run_for(seconds)
        return await visit

    def times(self, device: str) -> list[float]:
        return [(each.time_ms - self.start_ms) / 1000 for each in self.samples if each.device == device]


async def test_an_errand_is_done_at_once_while_the_owner_waits_and_costs_no_poll() -> None:
    async with Owned(["one", "two"], period_s=5.0) as bench:

        async def work(bus: InstrumentBus) -> bool:
            await bench.clock.sleep(1.0)
            return bus.is_open

        assert await bench.visited(work, 1.0)
        await bench.clock.run_for(11.0)
        assert bench.times("one") == bench.times("two") == [0.0, 5.0, 10.0]
        assert not bench.gaps


async def test_an_errand_waits_for_the_poll_under_way() -> None:
    bench = Owned(["one"], period_s=5.0)
    bench.bus.slow_s = 2.0
    async with bench:
        order: list[str] = []

        async def work(_: InstrumentBus) -> None:
            order.extend(["errand", *(each.device for each in bench.samples)])

        await bench.visited(work, 2.0)
        assert order == ["errand", "one"]


async def test_a_port_that_an_errand_closed_is_open_again_for_the_next_poll() -> None:
    async with Owned(["one"], period_s=5.0) as bench:

        async def work(bus: InstrumentBus) -> None:
            bus.close()

        await bench.visited(work)
        await bench.clock.run_for(5.0)
        assert [each.quality for each in bench.samples] == [[0], [0]]


async def test_an_errand_that_fails_or_takes_too_long_harms_its_sender_alone() -> None:
    async with Owned(["one"], period_s=5.0) as bench:

        async def broken(_: InstrumentBus) -> None:
            raise ValueError("of the errand")

        with pytest.raises(ValueError, match="of the errand"):
            await bench.visited(broken)
        begun = asyncio.Event()

        async def endless(_: InstrumentBus) -> None:
            begun.set()
            await asyncio.Event().wait()

        visit = asyncio.ensure_future(bench.poller.visit(endless, WITHIN_S))
        await begun.wait()
        visit.cancel()
        await asyncio.gather(visit, return_exceptions=True)
        await bench.clock.run_for(5.0)
        assert bench.times("one") == [0.0, 5.0]


async def test_who_is_never_idle_does_an_errand_between_two_polls() -> None:
    bench = Owned(["one"], period_s=1.0)
    bench.bus.slow_s = 1.5
    async with bench:

        async def work(_: InstrumentBus) -> int:
            return len(bench.samples)

        assert await bench.visited(work, 1.5) == 1


async def test_a_retired_owner_ends_after_its_poll_and_takes_no_errands() -> None:
    bench = Owned(["one"], period_s=5.0)
    bench.bus.slow_s = 2.0
    async with bench:
        retiring = asyncio.ensure_future(bench.poller.retire(WITHIN_S))
        await bench.clock.run_for(2.0)
        await retiring
        await bench.task
        assert len(bench.samples) == 1
        assert not bench.bus.is_open

        async def work(_: InstrumentBus) -> None:
            raise AssertionError("nobody owns the bus")

        with pytest.raises(PortUnavailable, match="not read any more"):
            await bench.poller.visit(work, WITHIN_S)


async def test_an_owner_that_is_cancelled_tells_who_waits_and_ends() -> None:
    async with Owned(["one"], period_s=5.0) as bench:

        async def work(_: InstrumentBus) -> None:
            await bench.clock.sleep(9.0)

        visit = asyncio.ensure_future(bench.poller.visit(work, WITHIN_S))
        waiting = asyncio.ensure_future(bench.poller.visit(work, WITHIN_S))
        await bench.clock.run_for(1.0)
        bench.task.cancel()
        for each in (visit, waiting):
            with pytest.raises(PortUnavailable):
                await each
        assert bench.task.cancelled() or await asyncio.wait([bench.task])


async def test_other_instruments_are_adopted_between_two_polls_and_those_that_stay_keep_their_turns() -> None:
    async with Owned(["stays", "goes", "changes"], period_s=5.0) as bench:
        stays, _, changes = [
            Instrument(ModbusDevice(name, "probe", unit_id=at, period_s=5.0), PROFILE)
            for at, name in enumerate(("stays", "goes", "changes"), start=1)
        ]
        changed = replace(changes, device=replace(changes.device, period_s=2.0))
        comes = Instrument(ModbusDevice("comes", "probe", unit_id=9, period_s=5.0), PROFILE)
        await bench.clock.run_for(1.0)
        bus = FakeBus(bench.clock)
        adopting = asyncio.ensure_future(bench.poller.adopt(bus, [stays, changed, comes], WITHIN_S))
        await bench.clock.run_for(9.5)
        await adopting
        assert bench.times("stays") == [0.0, 5.0, 10.0]
        assert bench.times("goes") == [0.0]
        assert bench.times("changes") == [0.0, 1.0, 3.0, 5.0, 7.0, 9.0]
        assert bench.times("comes") == [1.0, 6.0]
        assert bus.is_open
        assert not bench.bus.is_open
        assert not bench.gaps


async def test_reading_now_asks_one_that_rests_too_and_leaves_its_turns_as_they_are() -> None:
    bench = Owned(["one"], period_s=5.0)
    async with bench:
        bench.bus.dead = {"one"}
        await bench.clock.run_for(21.0)
        asked = len(bench.bus.asked)
        bench.bus.dead = set()
        reading = asyncio.ensure_future(bench.poller.read_now("one", WITHIN_S))
        await bench.clock.run_for(0)
        assert (await reading).values == [21.9]
        assert len(bench.bus.asked) == asked + 1
        await bench.clock.run_for(9.0)
        assert bench.times("one") == [0.0, 5.0, 10.0, 15.0, 20.0, 21.0, 25.0, 30.0]
        with pytest.raises(KeyError):
            await bench.poller.read_now("another", WITHIN_S)
