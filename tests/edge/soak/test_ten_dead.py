"""Ten dead slaves among thirty on one RTU line: 9 600 baud, 16 ms of USB latency, every 5 s, time-out 300 ms.

The whole agent, its Modbus driver and the library below it; the line hands over what is said in the time that its
characters take.
"""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml

from siloscope_contract.packs import Sample, decode
from siloscope_edge import adapters, installation, profile_files
from siloscope_edge.agent import Agent
from siloscope_firmware_sim.faults.schedule import Fault, Faults, Kind
from siloscope_firmware_sim.faults.wire import FaultyWire
from siloscope_firmware_sim.instruments.r4dcb08 import R4dcb08
from siloscope_firmware_sim.lines.rtu import RtuLine
from siloscope_firmware_sim.modbus.bus import SerialBus
from tests.edge.fake_ingest import FakeDatabase
from tests.edge.soak import virtual_time
from tests.edge.soak.broker import Broker
from tests.edge.soak.kernel import TRUE_MS, Kernel
from tests.edge.soak.ports import Ports, UsbTerminal
from tests.edge.soak.virtual_time import VirtualClock
from tests.edge.soak.yard import Uncounted

UNITS = range(1, 31)
PERIOD_S = 5.0
TIMEOUT_S = 0.3
QUIET_S = 0.1
SECONDS = 900.0
CHARACTER_S = 11 / 9600


class TappedTerminal(UsbTerminal):
    """An adapter on which somebody listens to what the agent asks."""

    def __init__(self, number: str, seed: int) -> None:
        super().__init__(number, seed)
        self.asked: dict[int, list[float]] = {unit: [] for unit in UNITS}

    def _heard(self, data: bytes) -> None:
        self.asked[data[0]].append(asyncio.get_running_loop().time())
        super()._heard(data)


class Line:
    """The line and its agent.

    Args:
        directory: For the agent's files.
        dead: Unit ids that say nothing.
        noisy: Whether there are stray bytes, as on a pair without bias.
    """

    def __init__(self, directory: Path, dead: Sequence[int], *, noisy: bool = False) -> None:
        self.directory = directory
        self.noisy = noisy
        self.dead = dead
        self.samples: dict[int, list[Sample]] = {unit: [] for unit in UNITS}
        self.asked: dict[int, list[float]] = {}

    async def run(self) -> None:
        """Read for a quarter of an hour."""
        ports, kernel, database = Ports(), Kernel(), FakeDatabase()
        kernel.power_up(error_s=0)
        kernel.synchronise()
        terminal = TappedTerminal("LINE", 1)
        ports.plug(terminal)
        slaves = [_head(unit) for unit in UNITS if unit not in self.dead]
        loop = asyncio.get_running_loop()
        faults = Faults([Fault(Kind.NOISE, "line", 0, 2 * loop.time() + SECONDS, 1.0)] if self.noisy else [])
        wire = FaultyWire(SerialBus(slaves, baud=9600), "line", {}, faults, loop.time, 1)
        line = RtuLine(terminal, wire, baud=9600, traffic=Uncounted())
        await line.open()
        broker = Broker(Faults(), 1, database)
        brokering = asyncio.create_task(broker.run())
        with (
            patch("serial.Serial", ports.opened),
            patch("serial.serial_for_url", ports.opened),
            patch.object(adapters.PortFinder.__init__, "__defaults__", (ports.listing,)),
            patch("siloscope_edge.agent.connector", broker.connector),
            patch("siloscope_edge.agent.source_for", lambda settings, clock: kernel),
        ):
            found = installation.read(self._configured(terminal.address))
            agent, stop = Agent(found, None, VirtualClock(kernel.wall_ms), 0), asyncio.Event()
            running = asyncio.create_task(agent.run(stop))
            await asyncio.sleep(SECONDS)
            stop.set()
            assert await running == 0
        brokering.cancel()
        await line.close()
        self.asked = terminal.asked
        for payload in database.held.values():
            for sample in decode(payload, received_ms=0).samples:
                if sample.device.startswith("head-"):
                    self.samples[int(sample.device.removeprefix("head-"))].append(sample)

    def _configured(self, address: dict[str, object]) -> Path:
        profiles = self.directory / "profiles"
        profiles.mkdir()
        (self.directory / "data").mkdir()
        shipped = yaml.safe_load(profile_files.catalogue()["r4dcb08"].read_text())
        shipped["limits"]["timeout_s"] = TIMEOUT_S
        (profiles / "r4dcb08.yaml").write_text(yaml.safe_dump(shipped))
        devices = [
            {"name": f"head-{unit}", "profile": "r4dcb08", "unit_id": unit, "period_s": PERIOD_S} for unit in UNITS
        ]
        file = self.directory / "edge.yaml"
        document = {
            "organisation": "demo",
            "site": "yard",
            "node": "pi",
            "mqtt": {"host": "broker"},
            "data_directory": "data",
            "operations_port": 0,
            "profile_directories": ["profiles"],
            "buses": [{"name": "line", "modbus_rtu": address, "devices": devices}],
        }
        file.write_text(yaml.safe_dump(document))
        return file


def _head(unit: int) -> R4dcb08:
    return R4dcb08(unit, lambda: [float(unit)] * 8)


@pytest.mark.parametrize("noisy", [False, True], ids=["quiet", "noisy"])
@pytest.mark.parametrize("dead", [range(1, 31, 3), range(1, 11), range(21, 31)], ids=["each third", "first", "last"])
def test_twenty_keep_their_period_beside_ten_dead_and_probing_takes_a_tenth_of_the_bus(
    tmp_path: Path, dead: range, *, noisy: bool
) -> None:
    line = Line(tmp_path, dead, noisy=noisy)
    virtual_time.run(line.run)
    began_ms = TRUE_MS + round(virtual_time.BEGINS_S * 1000)
    for unit in set(UNITS) - set(dead):
        intervals = [later - earlier for earlier, later in pairwise(line.asked[unit])]
        assert len(intervals) >= SECONDS / PERIOD_S - 4
        assert 0.9 * PERIOD_S <= min(intervals) <= max(intervals) <= 1.1 * PERIOD_S
        assert {(sample.values[0], sample.quality[0]) for sample in line.samples[unit]} == {(float(unit), 0)}
        times = [(sample.time_ms - began_ms) / 1000 + virtual_time.BEGINS_S for sample in line.samples[unit]]
        assert all(-0.001 <= asked - at <= 0.1 for asked, at in zip(line.asked[unit], sorted(times), strict=False))
    probes = sum(len(line.asked[unit]) for unit in dead)
    assert probes * (TIMEOUT_S + QUIET_S) <= 0.1 * SECONDS
    for unit in dead:
        assert len(line.asked[unit]) > 3, "nobody is given up for ever"
        assert all(sample.values[0] is None for sample in line.samples[unit])
        assert len(line.samples[unit]) >= SECONDS / PERIOD_S - 6


def test_the_line_takes_the_time_that_its_characters_take(tmp_path: Path) -> None:
    line = Line(tmp_path, [])
    virtual_time.run(line.run)
    order = sorted(at_s for times in line.asked.values() for at_s in times)
    request_and_answer_s = (8 + 5 + 16) * CHARACTER_S
    assert min(later - earlier for earlier, later in pairwise(order)) >= request_and_answer_s + 0.016
