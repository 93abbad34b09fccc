"""The shipped farm with things going wrong: an instrument that dies for a while, an adapter that is pulled."""

import asyncio
from pathlib import Path

from prometheus_client import CollectorRegistry

from siloscope_firmware_sim import world_file
from siloscope_firmware_sim.farm import default_world_file
from siloscope_firmware_sim.faults.schedule import Fault, Kind, schedule
from siloscope_firmware_sim.lines.traffic import Meter
from siloscope_firmware_sim.memory import Memory
from siloscope_firmware_sim.simulator import Simulator, victims
from tests.edge.soak import virtual_time
from tests.edge.soak.virtual_time import VirtualClock

WORLD = world_file.load(default_world_file())
NOON_MS = 1_737_720_000_000
GATEWAY = "heads-east"
TERMINAL = "heads-west"


def test_faults_begin_and_end_when_they_are_due(tmp_path: Path) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        now_s = NOON_MS / 1000
        simulator = Simulator(
            WORLD,
            clock=VirtualClock(lambda: NOON_MS + round((loop.time() - began_s) * 1000)),
            terminals=tmp_path / "tty",
            memory=Memory(tmp_path / "memory.json"),
            wished_ports={},
            meter=Meter(CollectorRegistry()),
            plan=[
                Fault(Kind.DEAD, "bin-1-cable-2", now_s + 10, 20, 0.5),
                Fault(Kind.UNPLUGGED, TERMINAL, now_s + 10, 20, 0.5),
            ],
        )
        await simulator.start()
        bus = next(bus for _, bus in simulator.buses() if bus.name == GATEWAY)
        port = int(str(simulator.address(bus)["port"]))
        before = [await answered(port, unit) for unit in (1, 2)], (tmp_path / "tty" / TERMINAL).exists()
        await asyncio.sleep(20)
        meanwhile = [await answered(port, unit) for unit in (1, 2)], (tmp_path / "tty" / TERMINAL).exists()
        await asyncio.sleep(20)
        behind = [await answered(port, unit) for unit in (1, 2)], (tmp_path / "tty" / TERMINAL).exists()
        await simulator.stop()
        assert before == behind == ([True, True], True)
        assert meanwhile == ([True, False], False)

    virtual_time.run(story)


async def answered(port: int, unit: int) -> bool:
    """Say whether a head answers, or its gateway for it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(bytes.fromhex(f"000100000006{unit:02x}0300000001"))
    answer = await reader.readexactly(9)
    writer.close()
    return answer[7] == 0x03


def test_every_kind_that_a_simulator_can_do_has_victims_in_the_shipped_farm() -> None:
    found = victims(WORLD)
    kinds = {fault.kind for fault in schedule(1, 86_400, found)}
    assert kinds == set(found) >= {Kind.DEAD, Kind.SLOW, Kind.STUCK, Kind.NOISE, Kind.UNPLUGGED, Kind.EXCEPTIONS}
