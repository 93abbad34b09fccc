"""What the watch remembers over a restart: which alarms are open, and how often its outputs were moved."""

import threading
from pathlib import Path
from typing import Any

import pytest

from siloscope_contract.packs import Sample
from siloscope_contract.quality import Quality
from siloscope_edge.alarms.machine import Phase
from siloscope_edge.alarms.memory import Memory
from tests.edge.alarms.alarmed_yard import ALARMS, Yard


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
