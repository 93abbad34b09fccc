"""Another Modbus than ours and than the library below it: pyModbusTCP serves what the edge reads, every type and order.

The other direction stands here too: its client reads the simulator.
"""

import asyncio
import struct
from collections.abc import Iterator

import pytest
from pyModbusTCP.client import ModbusClient
from pyModbusTCP.server import DataBank, ModbusServer

from siloscope_contract.quality import Quality
from siloscope_deploy.servers.ports import free_port
from siloscope_edge.drivers.modbus.device import ModbusDevice
from siloscope_edge.drivers.modbus.lines import ModbusTcp
from siloscope_edge.drivers.modbus.port import ModbusBus
from siloscope_edge.drivers.modbus.profile import ModbusProfile, RegisterChannel, RegisterLimits
from siloscope_edge.instruments import Instrument
from siloscope_firmware_sim.instruments.r4dcb08 import R4dcb08
from siloscope_firmware_sim.lines.tcp import TcpLine
from siloscope_firmware_sim.modbus.bus import SerialBus
from siloscope_firmware_sim.modbus.gateway import Gateway
from siloscope_process.clock import SystemClock
from tests.edge.drivers.fake_line import Tally
from tests.edge.drivers.test_against_simulator import Uncounted

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
NUMBERS: dict[str, tuple[str, float]] = {
    "int16": (">h", -1234),
    "uint16": (">H", 54321),
    "float16": (">e", -2.5),
    "int32": (">i", -123456),
    "uint32": (">I", 3123456789),
    "float32": (">f", -123.4375),
    "int64": (">q", -123456789012),
    "uint64": (">Q", 123456789012),
    "float64": (">d", 1234.5678),
}


def ordered(data: bytes, order: str) -> list[int]:
    """Return the registers that hold these bytes in an order of bytes and words."""
    words = [data[at : at + 2] for at in range(0, len(data), 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return [int.from_bytes(word) for word in words]


def laid_out() -> tuple[list[RegisterChannel], dict[int, list[int]], list[float]]:
    """Return a channel for each type in each order, the registers of each, and what they mean."""
    channels, registers, meant, at = [], {}, [], 100
    for kind, (form, value) in NUMBERS.items():
        for order in ORDERS if struct.calcsize(form) > 2 else ("ABCD", "BADC"):
            data = struct.pack(form, value)
            channels.append(channel(f"{kind}-{order.lower()}", kind, at, byte_order=order))
            registers[at] = ordered(data, order)
            meant.append(value)
            at += len(registers[at]) + 1  # a hole of one register between any two
    return channels, registers, meant


def channel(key: str, kind: str, address: int, table: str = "holding", **rest: object) -> RegisterChannel:
    given = {"key": key, "quantity": "dimensionless", "unit": "", "type": kind, "address": address, "table": table}
    return RegisterChannel(**given, **rest)  # type: ignore[arg-type]  # test data


@pytest.fixture
def server() -> Iterator[ModbusServer]:
    made = ModbusServer("127.0.0.1", free_port(), no_block=True, data_bank=DataBank(h_regs_size=60_000))
    made.start()
    yield made
    made.stop()


async def read(server: ModbusServer, channels: list[RegisterChannel], limits: RegisterLimits) -> list[float | str]:
    profile = ModbusProfile(profile="probe", title="", limits=limits, channels=tuple(channels))
    instrument = Instrument(ModbusDevice("probe", "probe", unit_id=1), profile)
    tally = Tally()
    bus = ModbusBus(ModbusTcp("127.0.0.1", server.port), [instrument], SystemClock(), tally)
    await bus.open()
    readings = await bus.read(instrument)
    bus.close()
    return [each.value if each.value is not None else Quality(each.quality).reason for each in readings]


@pytest.mark.parametrize(
    "limits",
    [
        RegisterLimits(rest_s=0),
        RegisterLimits(rest_s=0, gap_registers=1),
        RegisterLimits(rest_s=0, registers_per_request=4, gap_registers=4),
    ],
)
async def test_every_number_in_every_order_is_read_as_it_was_written(
    server: ModbusServer, limits: RegisterLimits
) -> None:
    channels, registers, meant = laid_out()
    for address, words in registers.items():
        server.data_bank.set_holding_registers(address, words)
        server.data_bank.set_input_registers(address, words)
    assert await read(server, channels, limits) == meant
    inputs = [channel(each.key, each.type, each.address, "input", byte_order=each.byte_order) for each in channels]
    assert await read(server, inputs, limits) == meant


async def test_bits_of_all_tables_are_read_as_they_were_set(server: ModbusServer) -> None:
    pattern = [bool(at * at % 7 % 2) for at in range(40)]
    server.data_bank.set_coils(5, pattern)
    server.data_bank.set_discrete_inputs(5, pattern[::-1])
    server.data_bank.set_holding_registers(0, [0b1010_0000_0000_0110])
    channels = [channel(f"c{at}", "bit", 5 + at, "coil") for at in range(40)]
    channels += [channel(f"d{at}", "bit", 5 + at, "discrete") for at in range(40)]
    channels += [channel(f"b{at}", "bit", 0, bit=at) for at in range(16)]
    channels += [channel("field", "bitfield", 0, bits=(12, 15))]
    expected = [float(each) for each in [*pattern, *pattern[::-1]]]
    expected += [0, 1, 1, *[0.0] * 10, 1, 0, 1, 10]
    assert await read(server, channels, RegisterLimits(rest_s=0)) == expected
    assert await read(server, channels, RegisterLimits(rest_s=0, bits_per_request=7)) == expected


async def test_texts_are_read(server: ModbusServer) -> None:
    server.data_bank.set_holding_registers(0, ordered(b"+21.5\0OPEN", "ABCD"))
    channels = [
        channel("number", "string", 0, words=3),
        channel("door", "string", 3, words=2, texts={"OPEN": 1.0, "SHUT": 0.0}),
        channel("unknown", "string", 3, words=2),
    ]
    assert await read(server, channels, RegisterLimits(rest_s=0)) == [21.5, 1.0, "not_a_number"]


async def test_a_part_beyond_the_map_is_refused_and_the_other_stands(server: ModbusServer) -> None:
    channels = [channel("here", "uint16", 59_999), channel("beyond", "uint16", 60_001)]
    assert await read(server, channels, RegisterLimits(rest_s=0)) == [0.0, "device_exception"]


async def test_its_client_reads_our_simulator() -> None:
    head = R4dcb08(3, lambda: [21.9, None, -10.1])
    line = TcpLine(
        "bench", Gateway(SerialBus([head], baud=19200)), port=0, wished_port=0, clock=SystemClock(), traffic=Uncounted()
    )
    await line.open()
    client = ModbusClient("127.0.0.1", int(str(line.address["port"])), unit_id=3, auto_open=True)
    words = await asyncio.to_thread(client.read_holding_registers, 0, 3)
    nobody = await asyncio.to_thread(client.read_input_registers, 0, 3)
    client.close()
    await line.close()
    assert (words, nobody) == ([219, 0x8000, 0x10000 - 101], None)
