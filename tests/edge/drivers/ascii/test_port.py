"""On real lines: instruments that are asked, and instruments that talk by themselves."""

from collections.abc import AsyncIterator

import pytest

from siloscope_contract.quality import Quality
from siloscope_edge.checksums import xor_hex
from siloscope_edge.drivers.ascii import Ascii, AsciiTcp
from siloscope_edge.drivers.ascii.device import AsciiDevice
from siloscope_edge.drivers.ascii.port import AsciiBus
from siloscope_edge.drivers.ascii.profile import AsciiProfile, Frame, LineChannel, Message
from siloscope_edge.errors import ReadFailed, Trouble
from siloscope_edge.instruments import Instrument
from siloscope_edge.profiles import Limits
from siloscope_process.clock import SystemClock
from tests.edge.drivers.fake_line import FakeServer, FakeTerminal, Tally

LIMITS = Limits(timeout_s=0.3, rest_s=0, retries=1)


def channel(key: str, message: str, field: int) -> LineChannel:
    return LineChannel(key=key, quantity="temperature", unit="Cel", message=message, field=field, resolution=0.1)


POLLED = AsciiProfile(
    profile="probe",
    title="",
    limits=LIMITS,
    frame=Frame(stop="*", checksum="xor"),
    messages=(
        Message("air", query="{address}T?\r\n", match={0: "{address}T"}),
        Message("soil", query="{address}S?\r\n", match={0: "{address}S"}),
    ),
    channels=(channel("air", "air", 1), channel("soil", "soil", 1)),
)
TALKING = AsciiProfile(
    profile="probe",
    title="",
    limits=LIMITS,
    listening=True,
    frame=Frame(stop="*", checksum="xor"),
    messages=(Message("air", match={0: "T"}), Message("soil", match={0: "S"})),
    channels=(channel("air", "air", 1), channel("soil", "soil", 1)),
)
ASKED = Instrument(AsciiDevice("box", "probe", address="7"), POLLED)
TALKER = Instrument(AsciiDevice("box", "probe"), TALKING)


def line(body: str) -> bytes:
    return f"{body}*{xor_hex(body.encode())}\r\n".encode()


def answering(data: bytes) -> bytes:
    return {b"7T?\r\n": line("7T,21.5"), b"7S?\r\n": line("7S,9.8")}.get(data, b"")


@pytest.fixture
async def terminal() -> AsyncIterator[FakeTerminal]:
    made = FakeTerminal(answering)
    yield made
    made.close()


async def opened(terminal: FakeTerminal, instrument: Instrument, tally: Tally | None = None) -> AsciiBus:
    bus = AsciiBus(Ascii(terminal.port), [instrument], SystemClock(), tally if tally is not None else Tally())
    await bus.open()
    return bus


async def test_each_message_is_asked_for_by_the_devices_address(terminal: FakeTerminal) -> None:
    bus = await opened(terminal, ASKED)
    assert [reading.value for reading in await bus.read(ASKED)] == [21.5, 9.8]
    bus.close()
    assert terminal.heard == [b"7T?\r\n", b"7S?\r\n"]


async def test_over_tcp_too() -> None:
    server = FakeServer(answering)
    await server.start()
    bus = AsciiBus(AsciiTcp("127.0.0.1", server.port), [ASKED], SystemClock(), Tally())
    await bus.open()
    assert [reading.value for reading in await bus.read(ASKED)] == [21.5, 9.8]
    bus.close()
    await server.stop()


async def test_an_echo_and_what_came_unasked_are_counted_and_passed_over(terminal: FakeTerminal) -> None:
    terminal.answer = lambda data: data + answering(data) + b"rubbish"
    tally = Tally()
    bus = await opened(terminal, ASKED, tally)
    assert [reading.value for reading in await bus.read(ASKED)] == [21.5, 9.8]
    bus.close()
    assert tally.kinds == [Trouble.ECHO, Trouble.UNSOLICITED, Trouble.ECHO]


async def test_a_wrong_message_leaves_the_other_standing(terminal: FakeTerminal) -> None:
    terminal.answer = lambda data: line("7T,21.5") if data == b"7T?\r\n" else line("8S,9.8")
    bus = await opened(terminal, ASKED)
    assert [(each.value, each.quality) for each in await bus.read(ASKED)] == [
        (21.5, 0),
        (None, Quality.INVALID_FRAME),
    ]
    bus.close()


async def test_silence_is_silence(terminal: FakeTerminal) -> None:
    terminal.answer = lambda data: b""
    bus = await opened(terminal, ASKED)
    with pytest.raises(ReadFailed) as failure:
        await bus.read(ASKED)
    bus.close()
    assert (failure.value.quality, failure.value.answered) == (Quality.COMM_FAILURE, False)


async def test_a_talker_is_heard_from_its_next_whole_line_on(terminal: FakeTerminal) -> None:
    bus = await opened(terminal, TALKER)
    terminal.say(line("T,1.0") + line("S,2.0"))  # before the turn: older than its time would say
    terminal.say_soon(b"5,3.0*00\r\n" + line("GPS,1") + line("S,9.8") + line("T,21.5"))
    assert [reading.value for reading in await bus.read(TALKER)] == [21.5, 9.8]
    bus.close()


async def test_what_a_talker_leaves_unsaid_is_bad(terminal: FakeTerminal) -> None:
    bus = await opened(terminal, TALKER)
    terminal.say_soon(b"x\r\n" + line("T,21.5"))
    readings = await bus.read(TALKER)
    bus.close()
    assert [(each.value, each.quality) for each in readings] == [(21.5, 0), (None, Quality.COMM_FAILURE)]


async def test_a_torn_line_of_a_talker_is_counted_and_never_half_read(terminal: FakeTerminal) -> None:
    tally = Tally()
    bus = await opened(terminal, TALKER, tally)
    terminal.say_soon(b"x\r\nT,2S,9.8*00\r\n" + line("T,21.5"))
    readings = await bus.read(TALKER)
    bus.close()
    assert [(each.value, each.quality) for each in readings] == [(21.5, 0), (None, Quality.INVALID_FRAME)]
    assert tally.kinds == [Trouble.WRONG_CHECKSUM, Trouble.NO_ANSWER]


async def test_a_mute_talker_is_a_failure(terminal: FakeTerminal) -> None:
    bus = await opened(terminal, TALKER)
    with pytest.raises(ReadFailed) as failure:
        await bus.read(TALKER)
    bus.close()
    assert (failure.value.quality, failure.value.answered) == (Quality.COMM_FAILURE, False)


async def test_a_talker_can_be_asked_where_the_configuration_says_so(terminal: FakeTerminal) -> None:
    profile = AsciiProfile(
        profile="probe",
        title="",
        limits=LIMITS,
        listening=True,
        frame=Frame(stop="*", checksum="xor"),
        messages=(Message("air", query="7T?\r\n", match={0: "7T"}),),
        channels=(channel("air", "air", 1),),
    )
    instrument = Instrument(AsciiDevice("box", "probe", listening=False), profile)
    bus = await opened(terminal, instrument)
    assert [reading.value for reading in await bus.read(instrument)] == [21.5]
    bus.close()
