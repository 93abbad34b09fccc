"""A driver that fails by mistake makes readings bad; the agent goes on."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from siloscope_contract.quality import Quality
from siloscope_edge.config import Bus
from siloscope_edge.drivers.modbus import DRIVER
from siloscope_edge.drivers.modbus.device import ModbusDevice
from siloscope_edge.drivers.modbus.lines import ModbusTcp
from siloscope_edge.drivers.modbus.profile import ModbusProfile, RegisterChannel
from siloscope_edge.errors import EdgeError, PortUnavailable, ReadFailed, Trouble
from siloscope_edge.guarding import GuardedBus
from siloscope_edge.instruments import Instrument
from siloscope_edge.readings import Reading
from siloscope_process.clock import ManualClock
from tests.edge.drivers.fake_line import Tally

CHANNEL = RegisterChannel(key="t1", quantity="temperature", unit="Cel", table="holding", address=0, type="int16")
DEVICE = ModbusDevice("head", "probe", unit_id=1)
HEAD = Instrument(DEVICE, ModbusProfile(profile="probe", title="", channels=(CHANNEL,)))
LINE = Bus("yard", "modbus_tcp", ModbusTcp("127.0.0.1"), (DEVICE,))


class Faulty:
    """A bus that raises, or answers, as told."""

    is_open = True
    outcome: Exception | list[Reading] | None = None

    def __init__(self, *_given: object) -> None: ...

    async def open(self) -> None:
        if isinstance(self.outcome, Exception):
            raise self.outcome

    def close(self) -> None: ...

    async def read(self, instrument: Instrument) -> Sequence[Reading]:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome or []


@pytest.fixture
def bus() -> GuardedBus:
    return GuardedBus(LINE, replace(DRIVER, bus=Faulty), [HEAD], ManualClock(), Tally())


@pytest.mark.parametrize("outcome", [ZeroDivisionError("oh"), [], [Reading(1.0, 0), Reading(2.0, 0)]])
async def test_a_mistake_is_a_bad_reading(
    bus: GuardedBus, outcome: Exception | list[Reading], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Faulty, "outcome", outcome)
    with pytest.raises(ReadFailed, match="the driver") as failure:
        await bus.read(HEAD)
    assert (failure.value.quality, failure.value.trouble) == (Quality.BAD, Trouble.WRONG_CONTENT)


async def test_a_mistake_while_opening_is_a_port_that_cannot_be_had(
    bus: GuardedBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Faulty, "outcome", KeyError("x"))
    with pytest.raises(PortUnavailable, match="KeyError"):
        await bus.open()


@pytest.mark.parametrize("error", [PortUnavailable("gone"), ReadFailed(Quality.COMM_FAILURE, "mute", answered=False)])
async def test_what_a_bus_may_raise_passes(bus: GuardedBus, error: EdgeError, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Faulty, "outcome", error)
    with pytest.raises(EdgeError) as raised:
        await bus.read(HEAD)
    assert raised.value is error


async def test_what_is_right_passes_too(bus: GuardedBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Faulty, "outcome", [Reading(21.9, 0)])
    assert await bus.read(HEAD) == [Reading(21.9, 0)]
