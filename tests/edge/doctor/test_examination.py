"""Finding the settings of a line, in simulated time: the usual ones first, and never longer than was said."""

import asyncio
from collections.abc import Mapping

import msgspec
import pytest

from siloscope_edge.doctor.examination import examine
from siloscope_edge.doctor.exchange import Exchange
from siloscope_edge.doctor.findings import Ended, Findings
from siloscope_edge.doctor.framing import rtu_frame
from siloscope_edge.doctor.session import Progress
from siloscope_edge.doctor.settings import as_configured, in_words, serial_lines
from siloscope_edge.doctor.survey import Questions
from siloscope_edge.drivers.modbus import DRIVER
from siloscope_edge.drivers.modbus.lines import ModbusLine, ModbusRtu, ModbusRtuTcp, ModbusTcp
from tests.edge.doctor.simulated_bus import Answer, QuickClock, Registers, SimulatedBus

QUESTIONS = Questions(tables=("holding",), rounds=1)


class Opened(SimulatedBus):
    """A bus that opens and closes."""

    async def __aenter__(self) -> Exchange:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class Yard:
    """A serial line whose devices speak one setting only."""

    def __init__(self, setting: str, units: Mapping[int, Answer]) -> None:
        self.clock = QuickClock()
        self.opened: list[str] = []
        self.unasked = b""
        self._setting = setting
        self._units = units

    def open(self, line: ModbusLine) -> Opened:
        """Open it with some setting."""
        assert isinstance(line, ModbusRtu)
        self.opened.append(in_words(line))
        right = in_words(line) == self._setting
        bus = Opened(self.clock, self._units if right else {}, baud=line.baud)
        bus.unasked = self.unasked if right else b""
        return bus

    async def examined(self, within_s: float = 300, stop: asyncio.Event | None = None) -> Findings:
        """Examine it."""
        lines = serial_lines("/dev/ttyUSB0")
        return await examine(lines, QUESTIONS, self.clock, self.open, within_s=within_s, stop=stop)


@pytest.mark.parametrize("setting", ["9600 8N1", "19200 8E1", "2400 8N1", "2400 8E1"])
async def test_a_device_is_found_at_each_usual_setting(setting: str) -> None:
    yard = Yard(setting, {1: Registers({3: {0: 7}})})
    found = await yard.examined()
    assert [each.unit_id for each in found.devices] == [1]
    baud, format_ = setting.split()
    assert found.line == {
        "modbus_rtu": {"port": "/dev/ttyUSB0", "baud": int(baud), "parity": format_[1], "stop_bits": int(format_[2])}
    }
    assert yard.opened[-1] == setting
    assert found.took_s < 300


async def test_an_unusual_unit_id_is_found_by_the_sweep_that_follows() -> None:
    found = await Yard("9600 8N1", {77: Registers({3: {0: 7}})}).examined()
    assert [each.unit_id for each in found.devices] == [77]


async def test_who_talks_unasked_gives_the_setting_away() -> None:
    yard = Yard("4800 8N1", {99: Registers({3: {0: 7}})})
    yard.unasked = rtu_frame(99, bytes.fromhex("03020007"))
    found = await yard.examined()
    assert [each.unit_id for each in found.devices] == [99]
    assert any("unit 99" in note for note in found.notes)


async def test_it_never_takes_longer_than_was_said() -> None:
    found = await Yard("none", {}).examined(within_s=100)
    assert (found.devices, found.ended) == ([], Ended.TIME)
    assert found.took_s <= 103
    assert found.line == {}


async def test_it_can_be_stopped_while_it_tries_settings() -> None:
    stop = asyncio.Event()
    stop.set()
    found = await Yard("none", {}).examined(stop=stop)
    assert found.ended is Ended.STOPPED


async def test_progress_counts_on_through_search_and_survey() -> None:
    yard = Yard("19200 8E1", {1: Registers({3: {0: 7}})})
    steps: list[Progress] = []
    await examine(serial_lines("x"), QUESTIONS, yard.clock, yard.open, within_s=300, tell=steps.append)
    assert [each.spent_s for each in steps] == sorted(each.spent_s for each in steps)
    assert {each.within_s for each in steps} == {300}


def test_only_what_was_asked_for_is_tried() -> None:
    assert [in_words(each) for each in serial_lines("x", [9600], ["8E1", "8N1"])] == ["9600 8N1", "9600 8E1"]
    assert {each.baud for each in serial_lines("x", [300])} == {300}
    assert len({in_words(each) for each in serial_lines("x")}) == len(serial_lines("x"))


@pytest.mark.parametrize(
    "line", [ModbusRtu("/dev/ttyUSB0", 19200, "E"), ModbusTcp("pi", 502), ModbusRtuTcp("pi", 4001)], ids=in_words
)
def test_a_line_is_written_as_the_configuration_has_it(line: ModbusLine) -> None:
    ((kind, settings),) = as_configured(line).items()
    assert DRIVER.lines[kind] is type(line)
    assert msgspec.convert(settings, type(line)) == line
