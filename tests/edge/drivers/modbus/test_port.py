"""Over a real socket: what a device says, refuses, or leaves unsaid becomes values and named failures."""

from collections.abc import AsyncIterator

import pytest

from siloscope_contract.quality import Quality
from siloscope_edge.drivers.modbus.device import ModbusDevice
from siloscope_edge.drivers.modbus.lines import ModbusTcp
from siloscope_edge.drivers.modbus.port import ModbusBus
from siloscope_edge.drivers.modbus.profile import ModbusProfile, RegisterChannel, RegisterLimits
from siloscope_edge.errors import PortUnavailable, ReadFailed, Trouble
from siloscope_edge.instruments import Instrument
from siloscope_process.clock import SystemClock
from tests.edge.drivers.modbus.fake_host import FakeModbusHost, holding, refusing


def channel(address: int) -> RegisterChannel:
    return RegisterChannel(
        key=f"t{address}",
        quantity="temperature",
        unit="Cel",
        table="holding",
        address=address,
        type="int16",
        scale=0.1,
        resolution=0.1,
    )


PROFILE = ModbusProfile(
    profile="probe",
    title="",
    limits=RegisterLimits(timeout_s=0.2, rest_s=0, retries=1),
    channels=(channel(0), channel(1), channel(10)),
)


class Tally(list[tuple[str, Trouble]]):
    """Notes troubles."""

    def __call__(self, device: str, trouble: Trouble) -> None:
        self.append((device, trouble))


def instrument(unit: int) -> Instrument:
    return Instrument(ModbusDevice(f"unit-{unit}", "probe", unit_id=unit), PROFILE)


@pytest.fixture
async def host() -> AsyncIterator[FakeModbusHost]:
    made = FakeModbusHost({1: holding({0: 219, 1: 0xFF9B, 10: 5}), 2: refusing(2), 3: refusing(6)})
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def bus(host: FakeModbusHost) -> AsyncIterator[ModbusBus]:
    instruments = [instrument(unit) for unit in (1, 2, 3, 9)]
    made = ModbusBus(ModbusTcp("127.0.0.1", host.port), instruments, SystemClock(), Tally())
    await made.open()
    yield made
    made.close()


async def test_values_come_in_the_profiles_order_with_few_requests(bus: ModbusBus, host: FakeModbusHost) -> None:
    readings = await bus.read(instrument(1))
    assert [reading.value for reading in readings] == [21.9, -10.1, 0.5]
    assert host.requests == [(1, 3, 0, 2), (1, 3, 10, 1)]


async def test_a_part_that_is_refused_leaves_the_others_standing(bus: ModbusBus, host: FakeModbusHost) -> None:
    whole = host.units[1]
    host.units[1] = lambda function, address, count: (
        whole(function, address, count) if address == 0 else bytes([function | 0x80, 2])
    )
    readings = await bus.read(instrument(1))
    assert [reading.value for reading in readings] == [21.9, -10.1, None]
    assert readings[2].quality == Quality.DEVICE_EXCEPTION


@pytest.mark.parametrize(
    ("unit", "quality", "answered", "requests"),
    [
        (2, Quality.DEVICE_EXCEPTION, True, 2),  # hopeless: each part is asked once
        (3, Quality.DEVICE_EXCEPTION, True, 4),  # busy: each part is asked again
        (9, Quality.COMM_FAILURE, False, 1),  # silence: nothing more is asked in this turn
    ],
)
async def test_failures_have_names(
    bus: ModbusBus, host: FakeModbusHost, unit: int, quality: Quality, answered: bool, requests: int
) -> None:
    with pytest.raises(ReadFailed) as failure:
        await bus.read(instrument(unit))
    assert failure.value.quality is quality
    assert failure.value.answered is answered
    assert len(host.requests) == requests


async def test_an_answer_of_another_length_is_no_answer(bus: ModbusBus, host: FakeModbusHost) -> None:
    host.units[1] = lambda function, address, count: bytes([function, 2, 0, 1])
    readings = await bus.read(instrument(1))
    assert [reading.quality for reading in readings] == [Quality.INVALID_FRAME, Quality.INVALID_FRAME, 0]


async def test_noise_instead_of_an_answer_is_an_invalid_frame(bus: ModbusBus, host: FakeModbusHost) -> None:
    host.units[1] = lambda function, address, count: bytes([function, 250, 0])
    with pytest.raises(ReadFailed) as failure:
        await bus.read(instrument(1))
    assert failure.value.quality is Quality.INVALID_FRAME


async def test_after_noise_the_line_is_opened_anew(bus: ModbusBus, host: FakeModbusHost) -> None:
    whole, host.units[1] = host.units[1], lambda function, address, count: bytes([function, 250, 0])
    with pytest.raises(ReadFailed):
        await bus.read(instrument(1))
    host.units[1] = whole
    await bus.open()
    assert (await bus.read(instrument(1)))[0].value == 21.9


async def test_a_dead_unit_does_not_close_the_line_to_the_others(bus: ModbusBus) -> None:
    for _ in range(6):
        with pytest.raises(ReadFailed):
            await bus.read(instrument(9))
    assert [reading.value for reading in await bus.read(instrument(1))] == [21.9, -10.1, 0.5]


async def test_a_host_that_goes_and_comes_back_is_opened_again(bus: ModbusBus, host: FakeModbusHost) -> None:
    await host.stop()
    with pytest.raises((ReadFailed, PortUnavailable)):
        await bus.read(instrument(1))
    assert not bus.is_open
    with pytest.raises(PortUnavailable):
        await bus.open()
    await host.start()
    await bus.open()
    assert (await bus.read(instrument(1)))[0].value == 21.9


async def test_what_a_device_said_before_it_fell_silent_stands(bus: ModbusBus, host: FakeModbusHost) -> None:
    whole = host.units[1]
    host.units[1] = lambda function, address, count: whole(function, address, count) if address == 0 else None
    readings = await bus.read(instrument(1))
    assert [reading.value for reading in readings] == [21.9, -10.1, None]
    assert readings[2].quality == Quality.COMM_FAILURE
