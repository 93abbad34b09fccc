"""The dead stall nobody, a failed read is never a value, and ports come back."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import Sample
from siloscope_contract.quality import Quality
from siloscope_edge.drivers.modbus.device import ModbusDevice
from siloscope_edge.drivers.modbus.profile import ModbusProfile, RegisterChannel, RegisterLimits
from siloscope_edge.errors import PortUnavailable, ReadFailed
from siloscope_edge.instruments import Instrument
from siloscope_edge.metrics import Metrics
from siloscope_edge.polling import Poller
from siloscope_edge.profiles import Fast
from siloscope_edge.readings import Reading
from siloscope_process.clock import ManualClock

TIMEOUT_S = 0.5
CHANNEL = RegisterChannel(key="t1", quantity="temperature", unit="Cel", table="holding", address=0, type="int16")
PROFILE = ModbusProfile(profile="probe", title="", limits=RegisterLimits(timeout_s=TIMEOUT_S), channels=(CHANNEL,))


@dataclass
class FakeBus:
    """Answers at once, or takes its time-out, by device."""

    clock: ManualClock
    dead: set[str] = field(default_factory=set)
    refusing: set[str] = field(default_factory=set)
    present: bool = True
    is_open: bool = False
    opened: int = 0
    asked: list[str] = field(default_factory=list)
    slow_s: float = 0.0
    answer_c: float = 21.9

    async def open(self) -> None:
        if not self.present:
            raise PortUnavailable("no such port")
        self.is_open = True
        self.opened += 1

    def close(self) -> None:
        self.is_open = False

    async def read(self, instrument: Instrument) -> Sequence[Reading]:
        if not self.present:
            raise PortUnavailable("the port is gone")
        self.asked.append(instrument.name)
        if instrument.name in self.dead:
            await self.clock.sleep(TIMEOUT_S)
            raise ReadFailed(Quality.COMM_FAILURE, "no answer", answered=False)
        if instrument.name in self.refusing:
            raise ReadFailed(Quality.DEVICE_EXCEPTION, "exception 2", answered=True)
        await self.clock.sleep(self.slow_s)
        return [Reading(self.answer_c, 0)]


class Bench:
    """A poller on a clock of its own."""

    def __init__(
        self,
        names: Sequence[str],
        period_s: float = 5.0,
        *,
        timeout_s: float = TIMEOUT_S,
        bus: type[FakeBus] = FakeBus,
        profile: ModbusProfile = PROFILE,
    ) -> None:
        self.clock = ManualClock()
        self.bus = bus(self.clock)
        profile = replace(profile, limits=RegisterLimits(timeout_s=timeout_s))
        self.samples: list[Sample] = []
        self.gaps: list[Gap] = []
        self.start_ms = self.clock.now_ms()
        instruments = [
            Instrument(ModbusDevice(name, "probe", unit_id=at, period_s=period_s), profile)
            for at, name in enumerate(names, start=1)
        ]
        metrics = Metrics(CollectorRegistry())
        self.poller = Poller("bus", self.bus, instruments, self.clock, self.samples.append, self.gaps.append, metrics)

    async def run_for(self, seconds: float) -> None:
        task = asyncio.create_task(self.poller.run())
        await self.clock.run_for(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def times(self, device: str) -> list[float]:
        return [(each.time_ms - self.start_ms) / 1000 for each in self.samples if each.device == device]

    def qualities(self, device: str) -> set[tuple[float | None, int]]:
        return {(each.values[0], each.quality[0]) for each in self.samples if each.device == device}


async def test_the_living_keep_their_period_beside_the_dead() -> None:
    bench = Bench("abcd")
    bench.bus.dead = {"a", "b"}
    await bench.run_for(300)
    for device in "cd":
        times = bench.times(device)
        assert len(times) in (60, 61)
        assert all(0 <= at - 5 * turn <= 2 * TIMEOUT_S for turn, at in enumerate(times))
        assert bench.qualities(device) == {(21.9, 0)}


async def test_ten_dead_among_thirty_leave_the_others_their_period() -> None:
    names = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcd"
    bench = Bench(names)
    bench.bus.dead = set(names[::3])
    bench.bus.slow_s = 0.03
    await bench.run_for(900)
    for device in set(names) - bench.bus.dead:
        times = [at for at in bench.times(device) if at >= 15]  # in the first round nobody knows yet who is dead
        assert len(times) == 177
        grid = [at - 5 * turn for turn, at in enumerate(times)]
        assert max(grid) - min(grid) <= TIMEOUT_S + 20 * 0.03
    asked_in_vain = sum(bench.bus.asked.count(device) for device in bench.bus.dead)
    assert asked_in_vain * TIMEOUT_S <= 0.1 * 900
    assert {len(bench.times(device)) for device in bench.bus.dead} <= set(range(176, 182))


async def test_a_dead_device_gives_a_bad_reading_each_period_and_costs_little() -> None:
    bench = Bench("ab")
    bench.bus.dead = {"a"}
    await bench.run_for(600)
    assert len(bench.times("a")) in (120, 121)
    assert bench.qualities("a") == {(None, Quality.COMM_FAILURE)}
    assert bench.samples[0].units == (None,)
    assert 8 < bench.bus.asked.count("a") < 20


async def test_a_device_that_comes_back_is_found_again() -> None:
    bench = Bench("ab")
    bench.bus.dead = {"a"}
    await bench.run_for(3600)
    bench.bus.dead.clear()
    bench.samples.clear()
    await bench.run_for(70)
    assert bench.samples[-1].values == [21.9]
    assert (21.9, 0) in bench.qualities("a")


async def test_a_refusing_device_is_asked_on() -> None:
    bench = Bench("a")
    bench.bus.refusing = {"a"}
    await bench.run_for(99)
    assert bench.bus.asked.count("a") == 20
    assert bench.qualities("a") == {(None, Quality.DEVICE_EXCEPTION)}


async def test_a_vanished_port_gives_bad_readings_and_is_opened_again() -> None:
    bench = Bench("ab")
    await bench.run_for(11)
    bench.bus.present = False
    await bench.run_for(120)
    assert bench.samples[-1].quality == [Quality.COMM_FAILURE]
    bench.bus.present = True
    bench.samples.clear()
    await bench.run_for(60)
    assert bench.samples[-1].values == [21.9]
    assert bench.bus.opened >= 2


async def test_when_nobody_answers_the_port_is_opened_anew() -> None:
    bench = Bench("ab")
    bench.bus.dead = {"a", "b"}
    await bench.run_for(120)
    assert bench.bus.opened > 1


async def test_turns_that_a_busy_bus_could_not_take_are_declared() -> None:
    bench = Bench("ab", period_s=1.0)
    bench.bus.slow_s = 2.5
    await bench.run_for(60)
    assert {gap.kind for gap in bench.gaps} == {GapKind.BUS_ERROR}
    taken, missed = len(bench.samples), sum(gap.count or 0 for gap in bench.gaps)
    assert 2 * 60 - 8 <= taken + missed <= 2 * 61


CHARACTER_S = 10 / 9600
USB_S = 0.016


class SlowLine(FakeBus):
    """An RTU line of 9 600 baud behind a USB adapter; what asking and waiting costs is counted."""

    wasted_s = 0.0

    async def read(self, instrument: Instrument) -> Sequence[Reading]:
        self.asked.append(instrument.name)
        await self.clock.sleep(8 * CHARACTER_S + USB_S)
        if instrument.name in self.dead:
            await self.clock.sleep(0.3 + 0.1 - 8 * CHARACTER_S - USB_S)  # and the line is left quiet
            self.wasted_s += 0.3
            raise ReadFailed(Quality.COMM_FAILURE, "no answer", answered=False)
        await self.clock.sleep(0.005 + 21 * CHARACTER_S + USB_S + 0.02)
        return [Reading(21.9, 0)]


@pytest.mark.parametrize("dead", [range(0, 30, 3), range(10), range(20, 30)])
async def test_twenty_keep_their_period_from_the_first_reading_on_beside_ten_dead_on_a_slow_line(dead: range) -> None:
    bench = Bench([f"d{at}" for at in range(30)], timeout_s=0.3, bus=SlowLine)
    bench.bus.dead = {f"d{at}" for at in dead}
    await bench.run_for(600)
    for device in {f"d{at}" for at in range(30)} - bench.bus.dead:
        times = bench.times(device)
        assert len(times) >= 118
        assert all(4.5 <= later - earlier <= 5.5 for earlier, later in pairwise(times))
    assert isinstance(bench.bus, SlowLine)
    assert bench.bus.wasted_s <= 0.1 * 600
    for device in bench.bus.dead:
        assert 3 < bench.bus.asked.count(device) < 25


async def test_a_device_that_fails_now_and_then_keeps_being_asked_beside_a_busy_line() -> None:
    bench = Bench("abc", period_s=1.0)
    bench.bus.slow_s = 0.3
    bench.bus.dead = {"a"}
    await bench.run_for(20)
    bench.bus.dead.clear()
    await bench.run_for(120)
    assert (21.9, 0) in bench.qualities("a")


async def test_a_profile_says_what_is_doubted_what_is_reported_and_how_fast() -> None:
    channel = replace(CHANNEL, deadband=0.5, largest_step=30.0, stuck_after_s=3600.0, lively_change=5.0)
    profile = replace(PROFILE, channels=(channel,), heartbeat_s=60.0, fast=Fast(period_s=1.0, for_s=20.0))
    bench = Bench("a", profile=profile)
    await bench.run_for(121)
    assert bench.times("a") == [0, 60, 120]
    bench.bus.answer_c = 15.0
    await bench.run_for(60)
    times = [at - 120 for at in bench.times("a") if at >= 120]
    assert [round(later - earlier) for earlier, later in pairwise(times)].count(1) == 19
    assert times[-1] > 0


async def test_steps_of_the_wall_clock_disturb_neither_the_schedule_nor_the_instants() -> None:
    bench = Bench("ab")
    bench.poller._instant_ms = lambda: round(bench.clock.monotonic_s() * 1000)
    bench.start_ms = 0
    task = asyncio.create_task(bench.poller.run())
    for step_s in (86_400, -3 * 365 * 86_400, 0.7, -7200):
        await bench.clock.run_for(13)
        bench.clock.jump(step_s)
    await bench.clock.run_for(13)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert bench.times("a") == bench.times("b") == [5.0 * turn for turn in range(14)]
    assert bench.gaps == []


async def test_what_was_held_back_is_kept_when_reading_ends() -> None:
    profile = replace(PROFILE, channels=(replace(CHANNEL, deadband=0.5),), heartbeat_s=600.0)
    bench = Bench("a", profile=profile)
    await bench.run_for(27)
    assert bench.times("a") == [0, 25]
