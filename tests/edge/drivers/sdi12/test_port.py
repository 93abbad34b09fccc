"""On a pseudo-terminal: an adapter with sensors that are quick, slow, mute or strange."""

from collections.abc import AsyncIterator

import pytest

from siloscope_contract.quality import Quality
from siloscope_edge.addresses import AddressedDevice
from siloscope_edge.drivers.sdi12 import Sdi12
from siloscope_edge.drivers.sdi12.port import Sdi12Bus
from siloscope_edge.drivers.sdi12.profile import Sdi12Profile, ValueChannel
from siloscope_edge.errors import ReadFailed, Trouble
from siloscope_edge.instruments import Instrument
from siloscope_edge.profiles import Limits
from siloscope_process.clock import SystemClock
from tests.edge.drivers.fake_line import FakeTerminal, Tally


def sensor(*channels: tuple[str, int]) -> Instrument:
    profile = Sdi12Profile(
        profile="probe",
        title="",
        limits=Limits(timeout_s=0.3, rest_s=0, retries=1),
        longest_measurement_s=5,
        channels=tuple(
            ValueChannel(
                key=f"{command.lower()}-{value}",
                quantity="dimensionless",
                unit="",
                command=command,
                value=value,
                missing=(-9999.0,),
            )
            for command, value in channels
        ),
    )
    return Instrument(AddressedDevice("soil", "probe", address="0"), profile)


CHECKED = sensor(("MC", 0), ("MC", 2))


class Sensors:
    """Answers by a table; a command that is not in it meets silence."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self.answers = answers

    def __call__(self, data: bytes) -> bytes:
        return self.answers.get(data, b"")


@pytest.fixture
async def adapter() -> AsyncIterator[FakeTerminal]:
    made = FakeTerminal(Sensors({b"0MC!": b"00003\r\n", b"0D0!": b"0+3.14+2.718+1.414Ipz\r\n"}))
    yield made
    made.close()


async def opened(adapter: FakeTerminal, instrument: Instrument, tally: Tally | None = None) -> Sdi12Bus:
    bus = Sdi12Bus(Sdi12(adapter.port), [instrument], SystemClock(), tally if tally is not None else Tally())
    await bus.open()
    return bus


async def test_the_published_measurement_with_its_checksum(adapter: FakeTerminal) -> None:
    bus = await opened(adapter, CHECKED)
    assert [reading.value for reading in await bus.read(CHECKED)] == [3.14, 1.414]
    bus.close()
    assert adapter.heard == [b"0MC!", b"0D0!"]


async def test_a_service_request_ends_the_waiting_and_echoes_are_passed_over(adapter: FakeTerminal) -> None:
    answers = {
        b"0MC!": b"00043\r\n0\r\n",
        b"0D0!": b"0+3.14OqZ\r\n",
        b"0D1!": b"0+3.14OqZ\r\n",
        b"0D2!": b"0+3.14OqZ\r\n",
    }
    adapter.answer = lambda data: data + answers[data]
    tally = Tally()
    bus = await opened(adapter, CHECKED, tally)
    assert [reading.value for reading in await bus.read(CHECKED)] == [3.14, 3.14]
    bus.close()
    assert tally.kinds == [Trouble.ECHO] * 4


async def test_a_wrong_checksum_is_asked_for_again_then_refused(adapter: FakeTerminal) -> None:
    adapter.answer = Sensors({b"0MC!": b"00001\r\n", b"0D0!": b"0+3.15OqZ\r\n"})
    tally = Tally()
    bus = await opened(adapter, CHECKED, tally)
    with pytest.raises(ReadFailed) as failure:
        await bus.read(CHECKED)
    bus.close()
    assert failure.value.quality is Quality.INVALID_FRAME
    assert tally.kinds == [Trouble.WRONG_CHECKSUM] * 2


async def test_a_value_that_says_nothing_and_one_that_is_not_there_are_missing(adapter: FakeTerminal) -> None:
    instrument = sensor(("M", 0), ("M", 1), ("M", 2))
    adapter.answer = Sensors({b"0M!": b"00002\r\n", b"0D0!": b"0-9999+1.5\r\n"})
    bus = await opened(adapter, instrument)
    readings = await bus.read(instrument)
    bus.close()
    assert [(each.value, each.quality) for each in readings] == [
        (None, Quality.SENSOR_MISSING),
        (1.5, 0),
        (None, Quality.SENSOR_MISSING),
    ]


async def test_continuous_and_started_measurements_stand_beside_each_other(adapter: FakeTerminal) -> None:
    instrument = sensor(("R0", 0), ("C1", 0))
    adapter.answer = Sensors({b"0R0!": b"0+21.5\r\n", b"0C1!": b"000001\r\n", b"0D0!": b"0-7\r\n"})
    bus = await opened(adapter, instrument)
    assert [reading.value for reading in await bus.read(instrument)] == [21.5, -7]
    bus.close()


@pytest.mark.parametrize(
    ("answers", "quality", "answered"),
    [
        ({}, Quality.COMM_FAILURE, False),
        ({b"0MC!": b"00000\r\n"}, Quality.DEVICE_EXCEPTION, True),
        ({b"0MC!": b"09992\r\n"}, Quality.DEVICE_EXCEPTION, True),  # would hold the others up
        ({b"0MC!": b"00002\r\n", b"0D0!": b"0LI_\r\n"}, Quality.INVALID_FRAME, True),
        ({b"0MC!": b"0000"}, Quality.INVALID_FRAME, True),
    ],
)
async def test_failures_have_names(
    adapter: FakeTerminal, answers: dict[bytes, bytes], quality: Quality, answered: bool
) -> None:
    adapter.answer = Sensors(answers)
    bus = await opened(adapter, CHECKED)
    with pytest.raises(ReadFailed) as failure:
        await bus.read(CHECKED)
    bus.close()
    assert (failure.value.quality, failure.value.answered) == (quality, answered)
