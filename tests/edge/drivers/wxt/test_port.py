"""On a real pseudo-terminal: a transmitter's lines, whole, torn or absent."""

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Callable

import pytest

from siloscope_contract.quality import Quality
from siloscope_edge.addresses import AddressedDevice
from siloscope_edge.checksums import crc_sdi12
from siloscope_edge.drivers.wxt import Wxt
from siloscope_edge.drivers.wxt.port import WxtBus
from siloscope_edge.drivers.wxt.profile import FieldChannel, WxtProfile
from siloscope_edge.errors import PortUnavailable, ReadFailed, Trouble
from siloscope_edge.instruments import Instrument
from siloscope_edge.profiles import Limits
from siloscope_process.clock import SystemClock


def channel(key: str, query: str, field: str) -> FieldChannel:
    return FieldChannel(key=key, quantity="temperature", unit="Cel", query=query, field=field, resolution=0.1)


PROFILE = WxtProfile(
    profile="probe",
    title="",
    limits=Limits(timeout_s=0.2, rest_s=0, retries=1),
    channels=(channel("wind", "r1", "Sm"), channel("air", "r2", "Ta"), channel("other", "r2", "Tp")),
)
MAST = Instrument(AddressedDevice("mast", "probe", address="0"), PROFILE)


def uncounted(_device: str, _trouble: Trouble) -> None:
    """Count nothing."""


WHOLE = {"0r1": "0r1,Dm=027D,Sm=0.1M", "0r2": "0r2,Ta=21.94C"}


def checked(body: str) -> bytes:
    return f"{body}{crc_sdi12(body.encode())}\r\n".encode()


class FakeTransmitter:
    """The other end of the line; ``answers`` says what comes for each query."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.queries: list[str] = []
        self.answer: Callable[[str], bytes] = lambda query: checked(WHOLE[query])
        os.set_blocking(self.master, False)
        asyncio.get_running_loop().add_reader(self.master, self._readable)

    @property
    def line(self) -> Wxt:
        return Wxt(os.ttyname(self.slave))

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)
        os.close(self.slave)

    def _readable(self) -> None:
        for line in os.read(self.master, 1024).decode().splitlines():
            self.queries.append(line)
            os.write(self.master, self.answer(line[:3]))


@pytest.fixture
async def transmitter() -> AsyncIterator[FakeTransmitter]:
    made = FakeTransmitter()
    yield made
    made.close()


async def test_each_query_is_asked_once_and_its_fields_are_spread(transmitter: FakeTransmitter) -> None:
    bus = WxtBus(transmitter.line, [MAST], SystemClock(), uncounted)
    await bus.open()
    readings = await bus.read(MAST)
    bus.close()
    assert [(reading.value, reading.quality) for reading in readings] == [
        (0.1, 0),
        (21.9, 0),
        (None, Quality.SENSOR_MISSING),
    ]
    assert transmitter.queries == ["0r1Goe", "0r2Gje"]


async def test_a_torn_line_is_asked_for_again_and_then_refused(transmitter: FakeTransmitter) -> None:
    transmitter.answer = lambda query: checked(WHOLE[query]) if query == "0r2" else b"0r1,Dn=0m=032D,Sm=0.1M\r\n"
    bus = WxtBus(transmitter.line, [MAST], SystemClock(), uncounted)
    await bus.open()
    readings = await bus.read(MAST)
    bus.close()
    assert [reading.quality for reading in readings[:2]] == [Quality.INVALID_FRAME, 0]
    assert len(transmitter.queries) == 3


async def test_an_invalid_value_is_the_devices_word(transmitter: FakeTransmitter) -> None:
    transmitter.answer = lambda query: checked("0r1,Sm=0.0#") if query == "0r1" else checked(WHOLE[query])
    bus = WxtBus(transmitter.line, [MAST], SystemClock(), uncounted)
    await bus.open()
    assert (await bus.read(MAST))[0].quality == Quality.DEVICE_EXCEPTION
    bus.close()


@pytest.mark.parametrize(
    ("answer", "quality", "answered"),
    [(b"", Quality.COMM_FAILURE, False), (b"0r1,Dn=02", Quality.INVALID_FRAME, True)],
)
async def test_silence_and_half_lines_run_into_the_time_out(
    transmitter: FakeTransmitter, answer: bytes, quality: Quality, answered: bool
) -> None:
    transmitter.answer = lambda query: answer
    bus = WxtBus(transmitter.line, [MAST], SystemClock(), uncounted)
    await bus.open()
    with pytest.raises(ReadFailed) as failure:
        await bus.read(MAST)
    bus.close()
    assert (failure.value.quality, failure.value.answered) == (quality, answered)


async def test_a_port_that_is_not_there_or_taken_cannot_be_opened(transmitter: FakeTransmitter) -> None:
    with pytest.raises(PortUnavailable):
        await WxtBus(Wxt("/dev/does-not-exist"), [MAST], SystemClock(), uncounted).open()
    first, second = (WxtBus(transmitter.line, [MAST], SystemClock(), uncounted) for _ in range(2))
    await first.open()
    with pytest.raises(PortUnavailable):
        await second.open()
    first.close()
