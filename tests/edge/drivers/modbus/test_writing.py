"""Outputs are written by each of the four functions, read back, and an echo is never taken for a confirmation."""

import struct
from collections.abc import AsyncIterator, Iterator

import pytest
from pyModbusTCP.server import DataBank, ModbusServer

from siloscope_contract.quality import Quality
from siloscope_deploy.servers.ports import free_port
from siloscope_edge.checksums import crc16_modbus
from siloscope_edge.drivers.modbus.device import ModbusDevice
from siloscope_edge.drivers.modbus.lines import ModbusLine, ModbusRtu, ModbusTcp
from siloscope_edge.drivers.modbus.output import ModbusOutput
from siloscope_edge.drivers.modbus.port import ModbusBus
from siloscope_edge.drivers.modbus.profile import ModbusProfile, RegisterChannel, RegisterLimits
from siloscope_edge.errors import ReadFailed, Trouble
from siloscope_edge.instruments import Instrument
from siloscope_process.clock import SystemClock
from tests.edge.drivers.fake_line import FakeTerminal, Tally
from tests.edge.drivers.modbus.fake_host import FakeModbusHost, refusing

CHANNEL = RegisterChannel(key="k1", quantity="count", unit="count", table="coil", address=0, type="bit")
LIMITS = RegisterLimits(rest_s=0, timeout_s=0.3, retries=0)
RELAYS = Instrument(
    ModbusDevice("relays", "relays", unit_id=1),
    ModbusProfile(profile="relays", title="", limits=LIMITS, channels=(CHANNEL,)),
)
COILS = [
    ModbusOutput(name="siren", device="relays", coil=3),
    ModbusOutput(name="siren", device="relays", coil=3, function="multiple"),
]
REGISTERS = [
    ModbusOutput(name="lamp", device="relays", register=7, on_value=0x0100, off_value=0x0200),
    ModbusOutput(name="lamp", device="relays", register=7, on_value=0x0100, off_value=0x0200, function="multiple"),
]


async def opened(line: ModbusLine, tally: Tally | None = None) -> ModbusBus:
    bus = ModbusBus(line, [RELAYS], SystemClock(), tally if tally is not None else Tally())
    await bus.open()
    return bus


@pytest.fixture
def server() -> Iterator[ModbusServer]:
    made = ModbusServer("127.0.0.1", free_port(), no_block=True, data_bank=DataBank(coils_size=8, h_regs_size=8))
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("output", COILS, ids=["FC05", "FC15"])
async def test_a_coil_is_switched_on_another_makers_server(server: ModbusServer, output: ModbusOutput) -> None:
    bus = await opened(ModbusTcp("127.0.0.1", server.port))
    for on in (True, False, True):
        await bus.switch(RELAYS, output, on=on)
        assert server.data_bank.get_coils(0, 8) == [False, False, False, on, False, False, False, False]
        assert await bus.is_on(RELAYS, output) is on
    bus.close()


@pytest.mark.parametrize("output", REGISTERS, ids=["FC06", "FC16"])
async def test_a_register_is_switched_on_another_makers_server(server: ModbusServer, output: ModbusOutput) -> None:
    bus = await opened(ModbusTcp("127.0.0.1", server.port))
    assert await bus.is_on(RELAYS, output) is None
    for on, word in ((True, 0x0100), (False, 0x0200)):
        await bus.switch(RELAYS, output, on=on)
        assert server.data_bank.get_holding_registers(6, 2) == [0, word]
        assert await bus.is_on(RELAYS, output) is on
    bus.close()


async def test_what_lies_beyond_the_map_is_refused(server: ModbusServer) -> None:
    bus = await opened(ModbusTcp("127.0.0.1", server.port))
    for output in (ModbusOutput(name="x", device="relays", coil=8), ModbusOutput(name="x", device="r", register=8)):
        for ask in (bus.switch(RELAYS, output, on=True), bus.is_on(RELAYS, output)):
            with pytest.raises(ReadFailed, match="exception 2") as refused:
                await ask
            assert refused.value.quality is Quality.DEVICE_EXCEPTION
    assert server.data_bank.get_coils(0, 8) == [False] * 8
    bus.close()


async def test_a_confirmation_of_something_else_is_none() -> None:
    host = FakeModbusHost({1: lambda function, address, count: struct.pack(">BHH", function, address + 1, count)})
    await host.start()
    bus = await opened(ModbusTcp("127.0.0.1", host.port))
    for output in (COILS[0], REGISTERS[0]):
        with pytest.raises(ReadFailed, match="it confirmed") as failure:
            await bus.switch(RELAYS, output, on=True)
        assert failure.value.quality is Quality.INVALID_FRAME
    host.units[1] = refusing(4)
    with pytest.raises(ReadFailed, match="exception 4"):
        await bus.switch(RELAYS, COILS[0], on=True)
    bus.close()
    await host.stop()


def framed(*parts: int) -> bytes:
    frame = bytes(parts)
    return frame + crc16_modbus(frame).to_bytes(2, "little")


ON, OFF = framed(1, 5, 0, 3, 0xFF, 0), framed(1, 5, 0, 3, 0, 0)
MANY_ON, MANY_CONFIRMED = framed(1, 15, 0, 3, 0, 1, 1, 1), framed(1, 15, 0, 3, 0, 1)
WORD, WORDS = framed(1, 6, 0, 7, 1, 0), framed(1, 16, 0, 7, 0, 1, 2, 1, 0)
READ, IS_ON = framed(1, 1, 0, 3, 0, 1), framed(1, 1, 1, 1)


@pytest.fixture
async def terminal() -> AsyncIterator[FakeTerminal]:
    made = FakeTerminal(lambda data: b"")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("output", "request_frame", "confirmed"),
    [
        (COILS[0], ON, ON),
        (COILS[1], MANY_ON, MANY_CONFIRMED),
        (REGISTERS[0], WORD, WORD),
        (REGISTERS[1], WORDS, framed(1, 16, 0, 7, 0, 1)),
    ],
    ids=["FC05", "FC15", "FC06", "FC16"],
)
@pytest.mark.parametrize("before", [b"", b"\x00\xff", framed(1, 3, 2, 0, 0xDB)], ids=["clean", "noise", "a report"])
async def test_frames_on_a_serial_line_are_those_of_the_standard(
    terminal: FakeTerminal, output: ModbusOutput, request_frame: bytes, confirmed: bytes, before: bytes
) -> None:
    terminal.answer = lambda data: before + confirmed
    bus = await opened(ModbusRtu(terminal.port))
    await bus.switch(RELAYS, output, on=True)
    bus.close()
    assert terminal.heard == [request_frame]


@pytest.mark.parametrize(
    ("answer", "quality"),
    [
        (b"", Quality.COMM_FAILURE),
        (framed(1, 0x85, 2), Quality.DEVICE_EXCEPTION),
        (OFF, Quality.COMM_FAILURE),
        (ON[:-1] + b"\0", Quality.INVALID_FRAME),
    ],
)
async def test_what_confirms_nothing_is_a_failure(terminal: FakeTerminal, answer: bytes, quality: Quality) -> None:
    terminal.answer = lambda data: answer
    bus = await opened(ModbusRtu(terminal.port))
    with pytest.raises(ReadFailed) as failure:
        await bus.switch(RELAYS, COILS[0], on=True)
    assert failure.value.quality is quality
    bus.close()


async def test_an_echo_is_no_confirmation_once_the_adapter_is_known_to_echo(terminal: FakeTerminal) -> None:
    tally = Tally()
    terminal.answer = lambda data: data + IS_ON if data == READ else data + data
    bus = await opened(ModbusRtu(terminal.port), tally)
    assert await bus.is_on(RELAYS, COILS[0]) is True
    await bus.switch(RELAYS, COILS[0], on=True)
    terminal.answer = lambda data: data  # the device is gone, the adapter is not
    with pytest.raises(ReadFailed) as failure:
        await bus.switch(RELAYS, COILS[0], on=True)
    assert failure.value.quality is Quality.COMM_FAILURE
    assert Trouble.ECHO in tally.kinds
    bus.close()
