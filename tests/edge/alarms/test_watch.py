"""The watch on a clock of its own: alarms switch outputs, say so, remember, and give a chattering relay its rest."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import Sample
from siloscope_contract.quality import Quality
from siloscope_edge import installation
from siloscope_edge.alarms.machine import Phase
from siloscope_edge.alarms.memory import Memory
from siloscope_edge.alarms.outputs import Output
from siloscope_edge.alarms.watch import AlarmWatch
from siloscope_edge.errors import ActionFailed
from siloscope_edge.installation import Installation
from siloscope_edge.metrics import Metrics
from siloscope_process.clock import ManualClock
from tests.edge.test_documents import CONFIG

ALARMS = """\
outputs:
  - {name: siren, device: head-1, coil: 3}
alarms:
  - {name: hot, device: head-1, channels: [t1], above: 35, clear: 32, for_s: 20, clear_for_s: 20, switches: [siren]}
"""
PERIOD_S = 10.0


class FakeSwitch:
    """A relay that obeys, is silent, or has a mind of its own."""

    costs_s = 0.1

    def __init__(self, clock: ManualClock, *, tells: bool = True) -> None:
        self.tells = tells
        self.on = False
        self.silent = False
        self.stuck = False
        self.written: list[tuple[float, bool]] = []
        self._clock = clock

    async def set(self, *, on: bool) -> None:
        self.written.append((self._clock.monotonic_s(), on))
        if self.silent:
            raise ActionFailed(Quality.COMM_FAILURE, "no answer within 1 s")
        self.on = self.on if self.stuck else on

    async def is_on(self) -> bool | None:
        if self.silent:
            raise ActionFailed(Quality.COMM_FAILURE, "no answer within 1 s")
        return self.on


class Yard:
    """A watch with one relay; its clock and its samples."""

    def __init__(self, directory: Path, alarms: str = ALARMS, profile: str = "r4dcb08") -> None:
        self.directory = directory
        self.config = "profile_directories: [.]\n" + CONFIG.replace("profile: r4dcb08", f"profile: {profile}")
        self.clock = ManualClock()
        self.switch = FakeSwitch(self.clock)
        self.samples: list[Sample] = []
        self.gaps: list[Gap] = []
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.installation = self.read(alarms)
        self.watch = self.made()

    def read(self, alarms: str) -> Installation:
        file = self.directory / "edge.yaml"
        file.write_text(self.config + alarms)
        return installation.read(file)

    def made(self) -> AlarmWatch:
        def switch(_output: Output, _why: Callable[[], Sequence[str]]) -> FakeSwitch:
            return self.switch

        return AlarmWatch(
            self.installation,
            self.directory,
            switch,
            self.clock,
            self.metrics,
            self.samples.append,
            self.gaps.append,
            self.clock.now_ms,
        )

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[AlarmWatch]:
        task = asyncio.create_task(self.watch.run())
        await self.clock.settle()
        try:
            yield self.watch
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def reads(self, *values: float | None) -> None:
        """Have the device say these, one a period."""
        for value in values:
            quality = 0 if value is not None else int(Quality.COMM_FAILURE)
            names = tuple(f"t{at}" for at in range(1, 9))
            said = Sample("head-1", self.clock.now_ms(), names, ("Cel",) * 8, [value] * 8, [quality] * 8)
            self.watch.saw(said, 0.05)
            await self.clock.run_for(PERIOD_S)

    def told(self, key: str) -> list[tuple[float | None, int]]:
        """Return what was published of a channel, without repetitions."""
        found: list[tuple[float | None, int]] = []
        for sample in self.samples:
            if key in sample.names:
                at = sample.names.index(key)
                if not found or found[-1] != (sample.values[at], sample.quality[at]):
                    found.append((sample.values[at], sample.quality[at]))
        return found

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"siloscope_edge_{name}", labels)


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


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


async def test_a_restart_remembers_what_is_open_and_makes_sure_of_the_output(yard: Yard) -> None:
    async with yard.watching():
        await yard.reads(36, 36, 36, 36)
        assert yard.switch.on
    assert yard.switch.on  # who restarts the agent does not silence the siren
    yard.switch.written.clear()
    yard.watch = yard.made()
    async with yard.watching():
        await yard.reads(None, None)
        assert yard.switch.on
        assert yard.switch.written == []  # read back: it was on already
        assert yard.told("alarm_hot")[-1] == (2, Quality.UNCERTAIN)
        assert yard.told("changes_siren")[-1] == (1, 0)
    yard.switch.on = False  # a power cut of all
    yard.watch = yard.made()
    async with yard.watching():
        await yard.clock.run_for(1)
        assert yard.switch.on


async def test_a_url_that_was_called_for_on_before_the_agent_was_killed_is_called_for_off(tmp_path: Path) -> None:
    speaker = (
        'outputs:\n  - {name: siren, switch_on: {url: "http://10.0.0.9/on"}, switch_off: {url: "http://10.0.0.9/"}}\n'
    )
    yard = Yard(tmp_path, speaker + ALARMS.partition("\n")[2].partition("\n")[2])
    yard.switch.tells, yard.switch.on = False, True  # called, and then nobody lived to write that down
    yard.watch = yard.made()
    async with yard.watching():
        await yard.reads(20)
    assert [on for _, on in yard.switch.written] == [False]
    assert yard.told("changes_siren") == [(0, 0)]


async def test_what_a_full_disk_did_not_take_is_remembered_when_there_is_room(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes = False
    written: list[Memory] = []

    def full(_directory: Path, memory: Memory) -> bool:
        if takes:
            written.append(memory)
        return takes

    monkeypatch.setattr("siloscope_edge.alarms.watch.remembered", full)
    async with yard.watching():
        await yard.reads(36, 36, 36, 36)
        takes = True
        await yard.reads(36, 36)
    assert written[0].phases == {"hot": Phase.OPEN}


async def test_a_siren_does_not_wait_for_a_disk_that_hangs(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = threading.Event()
    monkeypatch.setattr("siloscope_edge.alarms.watch.remembered", lambda *_: hangs.wait(20))
    async with yard.watching():
        await yard.reads(36, 36, 36, 36, 30, 30, 30)
        assert [on for _, on in yard.switch.written] == [True, False]
        hangs.set()


@pytest.mark.parametrize("damage", [b"", b"{", b'{"phases": {"hot": 77}}', b'{"phases": []}', b"\xff\xfe"])
async def test_a_damaged_memory_is_forgotten(yard: Yard, damage: bytes) -> None:
    (yard.directory / "alarms.json").write_bytes(damage)
    yard.watch = yard.made()
    async with yard.watching():
        await yard.reads(36, 36, 36, 36)
    assert yard.switch.on


async def test_the_flash_is_written_to_no_oftener_than_every_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yard = Yard(tmp_path, ALARMS.replace("for_s: 20, clear_for_s: 20, ", ""))
    written: list[Any] = []

    def remembered(*given: Any) -> bool:
        written.append(given)
        return True

    monkeypatch.setattr("siloscope_edge.alarms.watch.remembered", remembered)
    async with yard.watching():
        for _ in range(200):
            await yard.reads()
            yard.watch.saw(Sample("head-1", 0, ("t1",), ("Cel",), [36.0], [0]))
            await yard.clock.run_for(0.5)
            yard.watch.saw(Sample("head-1", 0, ("t1",), ("Cel",), [30.0], [0]))
            await yard.clock.run_for(0.5)
    assert 2 <= len(written) <= 22


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


async def test_other_alarms_from_afar_keep_what_is_the_same_and_switch_off_what_leaves(yard: Yard) -> None:
    async with yard.watching() as watch:
        await yard.reads(36, 36, 36, 36)
        assert yard.switch.on
        more = yard.read(ALARMS + "  - {name: cold, device: head-1, channels: [t2], below: 2, switches: [siren]}\n")
        await watch.change_to(more)
        await yard.reads(36)
        assert (yard.switch.on, len(yard.switch.written)) == (True, 1)
        assert set(watch.alarms) == {"hot", "cold"}
        changing = asyncio.ensure_future(watch.change_to(yard.read("")))
        await yard.clock.run_for(1)
        await changing
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
    async with yard.watching() as watch:
        await yard.reads(36, 36, 36, 36)
        for alarms in ("", ALARMS):
            changing = asyncio.ensure_future(watch.change_to(yard.read(alarms)))
            await yard.clock.run_for(1)
            await changing
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
            changing = asyncio.ensure_future(watch.change_to(installed))
            await yard.clock.run_for(1)
            await changing
        await yard.reads(30)
        assert yard.told("alarm_hot")[-1] == (0, 0)
        assert not yard.switch.on


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


async def test_an_output_that_only_a_reload_of_rules_names_is_left_alone(yard: Yard) -> None:
    same = replace(yard.installation, config=replace(yard.installation.config, alarms=()))
    async with yard.watching() as watch:
        await yard.reads(36, 36, 36, 36)
        await watch.change_to(same)
        await yard.clock.run_for(10)
    assert [on for _, on in yard.switch.written] == [True, False]
