"""On real lines: a console that sleeps, lies, is old, or answers."""

from collections.abc import AsyncIterator

import pytest

from siloscope_contract.quality import Quality
from siloscope_edge.drivers.davis import Davis, DavisTcp
from siloscope_edge.drivers.davis.port import DavisBus
from siloscope_edge.drivers.davis.profile import DavisProfile, PacketChannel
from siloscope_edge.errors import PortUnavailable, ReadFailed, Trouble
from siloscope_edge.instruments import Device, Instrument
from siloscope_edge.profiles import Limits
from siloscope_process.clock import SystemClock
from tests.edge.drivers.davis.test_packets import LOOP2, sealed
from tests.edge.drivers.fake_line import FakeServer, FakeTerminal, Tally

LOOP = sealed({12: (531).to_bytes(2, "little")})


def channel(key: str, packet: str, field: str) -> PacketChannel:
    return PacketChannel(key=key, quantity="temperature", unit="Cel", packet=packet, field=field, resolution=0.1)  # type: ignore[arg-type]  # test data


PROFILE = DavisProfile(
    profile="probe",
    title="",
    limits=Limits(timeout_s=0.3, rest_s=0, retries=1),
    channels=(
        channel("outside", "loop2", "outside_temperature"),
        channel("sun", "loop2", "solar"),
        channel("again", "loop", "outside_temperature"),
    ),
)
CONSOLE = Instrument(Device("console", "probe"), PROFILE)


class Console:
    """Answers as a console does; sleeps through the first line feeds."""

    def __init__(self, sleeps: int = 0) -> None:
        self.sleeps = sleeps
        self.packets = {b"LOOP 1\n": LOOP, b"LPS 2 1\n": LOOP2}

    def __call__(self, data: bytes) -> bytes:
        if data == b"\n":
            self.sleeps -= 1
            return b"\n\r" if self.sleeps < 0 else b""
        return b"\x06" + self.packets[data] if data in self.packets else b"\x21"


@pytest.fixture
async def terminal() -> AsyncIterator[FakeTerminal]:
    made = FakeTerminal(Console())
    yield made
    made.close()


async def opened(terminal: FakeTerminal, tally: Tally) -> DavisBus:
    bus = DavisBus(Davis(terminal.port), [CONSOLE], SystemClock(), tally)
    await bus.open()
    return bus


async def test_each_packet_is_asked_for_once(terminal: FakeTerminal) -> None:
    bus = await opened(terminal, Tally())
    readings = await bus.read(CONSOLE)
    bus.close()
    assert [reading.value for reading in readings] == [11.7, None, 11.7]
    assert readings[1].quality == Quality.SENSOR_MISSING
    assert terminal.heard == [b"\n", b"LPS 2 1\n", b"LOOP 1\n"]


async def test_over_tcp_too() -> None:
    server = FakeServer(Console())
    await server.start()
    bus = DavisBus(DavisTcp("127.0.0.1", server.port), [CONSOLE], SystemClock(), Tally())
    await bus.open()
    assert [reading.value for reading in await bus.read(CONSOLE)] == [11.7, None, 11.7]
    await server.stop()
    with pytest.raises((PortUnavailable, ReadFailed)):
        await bus.read(CONSOLE)
    bus.close()
    with pytest.raises(PortUnavailable):
        await bus.open()


async def test_a_torn_packet_is_asked_for_again_and_counted(terminal: FakeTerminal) -> None:
    console = Console()
    torn = iter([LOOP2[:20] + b"\x55" + LOOP2[21:]])
    terminal.answer = lambda data: b"\x06" + next(torn, LOOP2) if data == b"LPS 2 1\n" else console(data)
    tally = Tally()
    bus = await opened(terminal, tally)
    assert (await bus.read(CONSOLE))[0].value == 11.7
    bus.close()
    assert tally == [("console", Trouble.WRONG_CHECKSUM)]


async def test_an_old_console_brings_what_it_has(terminal: FakeTerminal) -> None:
    console = Console()
    del console.packets[b"LPS 2 1\n"]
    terminal.answer = console
    bus = await opened(terminal, Tally())
    assert [reading.quality for reading in await bus.read(CONSOLE)] == [
        Quality.DEVICE_EXCEPTION,
        Quality.DEVICE_EXCEPTION,
        0,
    ]
    bus.close()


async def test_half_a_packet_is_no_reading(terminal: FakeTerminal) -> None:
    console = Console()
    console.packets = {b"LOOP 1\n": LOOP[:40], b"LPS 2 1\n": LOOP2[:98]}
    terminal.answer = console
    bus = await opened(terminal, Tally())
    with pytest.raises(ReadFailed) as failure:
        await bus.read(CONSOLE)
    bus.close()
    assert (failure.value.quality, failure.value.trouble) == (Quality.INVALID_FRAME, Trouble.SHORT_FRAME)


async def test_a_sleeping_console_is_called_up_to_three_times(
    terminal: FakeTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("siloscope_edge.drivers.davis.port._WAKE_WITHIN_S", 0.05)
    terminal.answer = Console(sleeps=2)
    bus = await opened(terminal, Tally())
    assert (await bus.read(CONSOLE))[0].value == 11.7
    terminal.answer = Console(sleeps=3)
    with pytest.raises(ReadFailed) as failure:
        await bus.read(CONSOLE)
    bus.close()
    assert (failure.value.quality, failure.value.answered) == (Quality.COMM_FAILURE, False)
