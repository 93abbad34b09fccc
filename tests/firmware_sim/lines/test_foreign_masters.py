"""The shipped farm on real ports, read by masters that are not ours: pymodbus and pyserial."""

import asyncio
import os
import select
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import serial
from prometheus_client import CollectorRegistry, generate_latest
from pymodbus.client import AsyncModbusTcpClient, ModbusSerialClient, ModbusTcpClient

from siloscope_firmware_sim import endpoints, world_file
from siloscope_firmware_sim.errors import PortTaken
from siloscope_firmware_sim.farm import Bus, default_world_file
from siloscope_firmware_sim.lines.traffic import Meter
from siloscope_firmware_sim.memory import Memory
from siloscope_firmware_sim.modbus.checksum import sealed
from siloscope_firmware_sim.simulator import Simulator
from siloscope_process.clock import ManualClock

FROSTY = datetime(2025, 1, 24, 11, tzinfo=UTC)  # replays 2013-11-24 11:00, -4.4 °C
WORLD = world_file.load(default_world_file())
PATIENT_S = 20.0
"""Nobody here waits in vain; and the first to ask a farm on a busy machine waits while it computes its seasons."""


class StandingClock(ManualClock):
    """Time stands still, and waiting costs none: answers come at once."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def farm(tmp_path: Path, registry: CollectorRegistry) -> AsyncIterator[Simulator]:
    clock = StandingClock(round(FROSTY.timestamp() * 1000))
    simulator = Simulator(
        WORLD,
        clock=clock,
        terminals=tmp_path / "tty",
        memory=Memory(tmp_path / "memory.json"),
        wished_ports={},
        meter=Meter(registry),
    )
    await simulator.start()
    yield simulator
    await simulator.stop()


def named(farm: Simulator, name: str) -> dict[str, object]:
    return farm.address(next(bus for _, bus in farm.buses() if bus.name == name))


def port_of(farm: Simulator, bus: str) -> str:
    return str(named(farm, bus)["port"])


@contextmanager
def tcp_master(address: dict[str, object]) -> Iterator[ModbusTcpClient]:
    client = ModbusTcpClient(str(address["host"]), port=int(str(address["port"])), timeout=PATIENT_S)
    with closing(client):
        assert connected(client)
        yield client


@contextmanager
def rtu_master(port: str, *, baud: int = 9600, stop_bits: int = 1) -> Iterator[ModbusSerialClient]:
    client = ModbusSerialClient(port, baudrate=baud, stopbits=stop_bits, timeout=PATIENT_S, retries=0)
    with closing(client):
        assert connected(client)
        yield client


def connected(client: Any) -> bool:
    """Connect; pymodbus leaves this method of its clients untyped."""
    return bool(client.connect())


def single(words: Sequence[int]) -> float:
    value: float = struct.unpack(">f", b"".join(word.to_bytes(2) for word in words))[0]
    return value


async def counted_as_silence(registry: CollectorRegistry, requests: int) -> None:
    """Wait until bytes that are on their way through a real port have arrived and were met with silence."""
    async with asyncio.timeout(10):
        while f'bus="heads-west",outcome="silent"}} {requests}.0'.encode() not in generate_latest(registry):
            await asyncio.sleep(0.01)


def wxt_lines(port: str, *commands: bytes) -> list[bytes]:
    with serial.Serial(port, 19200, timeout=PATIENT_S) as line:
        answers = []
        for command in commands:
            line.write(command + b"\r\n")
            answers.append(line.read_until(b"\r\n"))
        return answers


async def test_a_synchronous_master_reads_a_head_over_tcp(farm: Simulator) -> None:
    address = named(farm, "heads-east")

    def read() -> list[int]:
        with tcp_master(address) as client:
            return list(client.read_holding_registers(0, count=8, device_id=10).registers)

    words = await asyncio.to_thread(read)

    assert words[5] == 0x8000  # the probe of bin 3, cable 2, level 6 is missing
    assert all(50 < word < 400 for word in words[:5])


async def test_an_asynchronous_master_meets_the_exceptions_of_a_gateway(farm: Simulator) -> None:
    address = named(farm, "heads-east")
    client = AsyncModbusTcpClient(str(address["host"]), port=int(str(address["port"])), timeout=PATIENT_S)
    assert await client.connect()
    absent = await client.read_holding_registers(0, count=1, device_id=77)
    beyond = await client.read_holding_registers(0x20, count=1, device_id=1)
    unknown = await client.read_coils(0, count=1, device_id=1)
    written = await client.write_register(0x0008, 20, device_id=1)
    client.close()

    assert [answer.exception_code for answer in (absent, beyond, unknown)] == [0x0B, 0x02, 0x01]
    assert not written.isError()


async def test_many_masters_share_one_gateway(farm: Simulator) -> None:
    address = named(farm, "cold-rooms")

    async def read(unit_id: int) -> list[int]:
        client = AsyncModbusTcpClient(str(address["host"]), port=int(str(address["port"])), timeout=PATIENT_S)
        assert await client.connect()
        answers = [await client.read_input_registers(1, count=2, device_id=unit_id) for _ in range(5)]
        client.close()
        return [answer.registers[0] for answer in answers]

    rooms = await asyncio.gather(*(read(unit_id) for unit_id in (1, 2, 3, 1, 2, 3)))

    assert rooms[:3] == rooms[3:]
    assert all(len(set(room)) == 1 for room in rooms)


async def test_a_gateway_hangs_up_on_what_is_not_modbus(farm: Simulator) -> None:
    address = named(farm, "heads-east")
    reader, writer = await asyncio.open_connection(str(address["host"]), int(str(address["port"])))
    writer.write(b"GET / HTTP/1.1\r\n\r\n")

    assert await reader.read() == b""
    writer.close()


async def test_a_master_reads_heads_over_a_serial_port_and_may_come_back(farm: Simulator) -> None:
    def read() -> list[int]:
        with rtu_master(port_of(farm, "heads-west"), stop_bits=2) as client:
            return list(client.read_holding_registers(0, count=8, device_id=1).registers)

    first, again = await asyncio.to_thread(read), await asyncio.to_thread(read)

    assert first == again
    assert first[4] > first[0] + 50  # the wet pocket of bin 4 at level 5


async def test_a_serial_master_reads_meter_air_and_co2(farm: Simulator) -> None:
    def read() -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
        with rtu_master(port_of(farm, "roofs-and-fans")) as client:
            meter = client.read_input_registers(0, count=76, device_id=14).registers
            air = client.read_input_registers(1, count=2, device_id=24).registers
        with rtu_master(port_of(farm, "bin-4-co2")) as client:
            return meter, air, client.read_input_registers(3, count=1, device_id=254).registers

    meter, air, co2 = await asyncio.to_thread(read)

    assert single(meter[:2]) > 230
    assert meter[0x0C:0x0E] == [0, 0]  # switched off, as the world has it
    assert len(air) == 2
    assert 420 < co2[0] < 5000


@pytest.mark.parametrize(("baud", "unit_id"), [(19200, 1), (9600, 200)])
async def test_a_wrong_speed_or_unit_id_is_met_with_silence(
    farm: Simulator, registry: CollectorRegistry, baud: int, unit_id: int
) -> None:
    def asked() -> bool:
        with rtu_master(port_of(farm, "heads-west"), baud=baud) as client:
            assert client.socket is not None
            client.socket.write(sealed(bytes((unit_id,)) + bytes.fromhex("0300000001")))
            ready, _, _ = select.select([client.socket.fileno()], [], [], 0.3)
            return bool(ready)

    assert not await asyncio.to_thread(asked)
    await counted_as_silence(registry, 1)


async def test_a_request_in_two_pieces_with_a_pause_between_is_met_with_silence(
    farm: Simulator, registry: CollectorRegistry
) -> None:
    our_end = os.open(port_of(farm, "heads-west"), os.O_RDWR | os.O_NOCTTY)
    os.write(our_end, bytes.fromhex("01030000"))
    await counted_as_silence(registry, 1)
    os.write(our_end, bytes.fromhex("0001840A"))
    await counted_as_silence(registry, 2)

    assert select.select([our_end], [], [], 0)[0] == []
    os.close(our_end)


async def test_the_weather_transmitter_reports_the_frost_of_that_hour(farm: Simulator) -> None:
    address, plain, checked = await asyncio.to_thread(wxt_lines, port_of(farm, "yard-mast"), b"?", b"0R2", b"0r1Goe")

    assert address == b"0\r\n"
    assert plain.startswith(b"0R2,Ta=-4.4C,")
    assert checked.startswith(b"0r1,Dn=")


async def test_endpoints_tell_every_port_and_come_back_for_the_next_run(farm: Simulator, tmp_path: Path) -> None:
    endpoints.write(tmp_path / "endpoints.json", endpoints.of(farm))
    ports = endpoints.tcp_ports(tmp_path / "endpoints.json")
    await farm.stop()
    again = Simulator(
        WORLD,
        clock=StandingClock(),
        terminals=tmp_path / "tty",
        memory=Memory(tmp_path / "memory.json"),
        wished_ports=ports,
        meter=Meter(CollectorRegistry()),
    )
    await again.start()
    await again.stop()

    assert set(ports) == {"heads-east", "bin-2-co2", "cold-rooms"}
    assert {bus: named(again, bus)["port"] for bus in ports} == ports
    assert list((tmp_path / "tty").iterdir()) == []


async def test_a_port_of_the_world_that_is_taken_is_told(farm: Simulator, tmp_path: Path) -> None:
    taken = int(str(named(farm, "heads-east")["port"]))
    text = default_world_file().read_text(encoding="utf-8").replace("port: 0", f"port: {taken}", 1)
    rival = Simulator(
        world_file.parse(text, tmp_path / "world.yaml"),
        clock=StandingClock(),
        terminals=tmp_path / "rival",
        memory=Memory(tmp_path / "rival.json"),
        wished_ports={},
        meter=Meter(CollectorRegistry()),
    )

    with pytest.raises(PortTaken, match=f"'heads-east' cannot open 127.0.0.1:{taken}"):
        await rival.start()


def test_every_bus_of_the_world_is_described_without_a_run() -> None:
    described = endpoints.described(WORLD)
    buses: list[Bus] = [bus for site in WORLD.sites for bus in site.buses]

    assert [bus["name"] for bus in described["buses"]] == [bus.name for bus in buses]
    first = described["buses"][0]["instruments"][0]
    assert first["place"] == {"name": "bin-1", "kind": "bin", "title": "Bin 1, yellow corn"}
    assert first["channels"][0] == {"key": "t1", "cable": 1, "level": 1, "spot": None}
