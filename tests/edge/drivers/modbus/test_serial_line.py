"""RTU frames as published, on a pseudo-terminal and through a terminal server, with what a bus puts around them."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from siloscope_contract.quality import Quality
from siloscope_edge import profile_files
from siloscope_edge.checksums import crc16_modbus
from siloscope_edge.drivers.modbus.device import ModbusDevice
from siloscope_edge.drivers.modbus.lines import ModbusRtu, ModbusRtuTcp
from siloscope_edge.drivers.modbus.port import ModbusBus
from siloscope_edge.drivers.modbus.profile import ModbusProfile, RegisterLimits
from siloscope_edge.errors import ReadFailed, Trouble
from siloscope_edge.instruments import Instrument
from siloscope_process.clock import SystemClock
from tests.edge.drivers.fake_line import FakeServer, FakeTerminal, Tally

REQUEST = bytes.fromhex("010300000001840A")
ANSWER = bytes.fromhex("01030200DBF81F")  # 21.9 °C
REPORT = bytes.fromhex("010310" + "00DB" * 8)
REPORT += crc16_modbus(REPORT).to_bytes(2, "little")


def shipped(name: str, channels: int, unit_id: int = 1) -> Instrument:
    """Return a shipped profile with its first channels: published frames read single registers."""
    profile = profile_files.read(profile_files.catalogue()[name])
    assert isinstance(profile, ModbusProfile)
    limits = RegisterLimits(timeout_s=0.3, rest_s=0, retries=1)
    cut = replace(profile, channels=profile.channels[:channels], limits=limits)
    return Instrument(ModbusDevice("probe", name, unit_id=unit_id), cut)


HEAD = shipped("r4dcb08", 1)


@pytest.fixture
async def terminal() -> AsyncIterator[FakeTerminal]:
    made = FakeTerminal(lambda data: ANSWER if data == REQUEST else b"")
    yield made
    made.close()


async def opened(terminal: FakeTerminal, instrument: Instrument, tally: Tally) -> ModbusBus:
    bus = ModbusBus(ModbusRtu(terminal.port), [instrument], SystemClock(), tally)
    await bus.open()
    return bus


@pytest.mark.parametrize(
    ("instrument", "request_hex", "answer_hex", "values"),
    [
        (HEAD, "010300000001840A", "01030200DBF81F", [21.9]),
        (shipped("xy-md02", 1), "010400010001600A", "01040201317974", [30.5]),
        (shipped("senseair-s8", 1, 0xFE), "FE0400030001D5C5", "FE04020190ACD8", [400]),
        (shipped("soil-7in1", 3), "01030000000305CB", "0103060292FF9B03E8D80F", [0.658, -10.1, 0.1]),
        (shipped("sdm120", 1), "01040000000271CB", "010404436633341B38", [230.2]),
    ],
)
async def test_published_frames_become_their_published_values(
    terminal: FakeTerminal, instrument: Instrument, request_hex: str, answer_hex: str, values: list[float]
) -> None:
    request = bytes.fromhex(request_hex)
    terminal.answer = lambda data: bytes.fromhex(answer_hex) if data == request else b""
    bus = await opened(terminal, instrument, Tally())
    assert [reading.value for reading in await bus.read(instrument)] == values
    bus.close()
    assert terminal.heard == [request]


@pytest.mark.parametrize(
    ("around", "troubles"),
    [
        (REQUEST, [Trouble.ECHO]),
        (b"\x00\xff", [Trouble.NOISE]),
        (REPORT, [Trouble.UNSOLICITED]),
        (b"\x55" * 300, [Trouble.NOISE]),  # more than a library keeps
    ],
)
async def test_an_answer_is_found_behind_what_the_bus_puts_before_it(
    terminal: FakeTerminal, around: bytes, troubles: list[Trouble]
) -> None:
    terminal.answer = lambda data: around + ANSWER
    tally = Tally()
    bus = await opened(terminal, HEAD, tally)
    assert [reading.value for reading in await bus.read(HEAD)] == [21.9]
    bus.close()
    assert tally.kinds == troubles


async def test_a_report_between_two_requests_is_nobodys_answer(terminal: FakeTerminal) -> None:
    tally = Tally()
    bus = await opened(terminal, HEAD, tally)
    assert (await bus.read(HEAD))[0].value == 21.9
    terminal.say(REPORT)
    assert (await bus.read(HEAD))[0].value == 21.9
    bus.close()


@pytest.mark.parametrize(
    ("answer", "trouble", "answered"),
    [
        (ANSWER[:-1] + b"\x00", Trouble.WRONG_CHECKSUM, True),
        (ANSWER[:4], Trouble.SHORT_FRAME, True),
        (b"\xff\xff\xff", Trouble.NOISE, False),
        (REQUEST, Trouble.ECHO, False),
        (b"", Trouble.NO_ANSWER, False),
    ],
)
async def test_what_is_no_answer_is_counted_and_never_a_value(
    terminal: FakeTerminal, answer: bytes, trouble: Trouble, answered: bool
) -> None:
    terminal.answer = lambda data: answer
    tally = Tally()
    bus = await opened(terminal, HEAD, tally)
    with pytest.raises(ReadFailed) as failure:
        await bus.read(HEAD)
    bus.close()
    assert failure.value.answered is answered
    assert tally.kinds[0] is trouble
    assert len(terminal.heard) == (2 if answered else 1)  # a torn answer is asked for again, silence is not


async def test_an_exception_is_the_devices_word(terminal: FakeTerminal) -> None:
    terminal.answer = lambda data: bytes.fromhex("018302C0F1")
    tally = Tally()
    bus = await opened(terminal, HEAD, tally)
    with pytest.raises(ReadFailed) as failure:
        await bus.read(HEAD)
    bus.close()
    assert (failure.value.quality, tally.kinds) == (Quality.DEVICE_EXCEPTION, [Trouble.EXCEPTION])


async def test_a_sensor_that_sleeps_is_woken_before_each_request(terminal: FakeTerminal) -> None:
    profile = profile_files.read(profile_files.catalogue()["senseair-s8"], {"wake": "yes"})
    instrument = Instrument(ModbusDevice("s8", "senseair-s8", unit_id=0xFE), profile)
    answer = bytes.fromhex("FE04020190ACD8")
    terminal.answer = lambda data: answer if data.endswith(bytes.fromhex("FE0400030001D5C5")) else b""
    bus = await opened(terminal, instrument, Tally())
    assert [reading.value for reading in await bus.read(instrument)] == [400]
    bus.close()
    assert b"".join(terminal.heard) == bytes.fromhex("00FE0400030001D5C5")


async def test_through_a_terminal_server_too() -> None:
    server = FakeServer(lambda data: b"\x00" + ANSWER if data == REQUEST else b"")
    await server.start()
    tally = Tally()
    bus = ModbusBus(ModbusRtuTcp("127.0.0.1", server.port), [HEAD], SystemClock(), tally)
    await bus.open()
    assert [reading.value for reading in await bus.read(HEAD)] == [21.9]
    bus.close()
    await server.stop()
    assert server.heard == [REQUEST]
    assert tally.kinds == [Trouble.NOISE]


async def test_a_device_whose_answers_are_torn_costs_two_time_outs_however_many_parts_it_has(
    terminal: FakeTerminal,
) -> None:
    profile = profile_files.read(profile_files.catalogue()["sdm120"])
    assert isinstance(profile, ModbusProfile)
    limits = replace(profile.limits, timeout_s=0.1, rest_s=0, registers_per_request=2)
    meter = Instrument(ModbusDevice("meter", "sdm120", unit_id=1), replace(profile, limits=limits))
    terminal.answer = lambda data: b"\x01\x04\x04\x43"
    bus = await opened(terminal, meter, Tally())
    with pytest.raises(ReadFailed) as failure:
        await bus.read(meter)
    bus.close()
    assert failure.value.quality is Quality.INVALID_FRAME
    assert len(terminal.heard) == 2
