"""What the edge reads from Modbus servers that are not ours: six libraries in three languages, over TCP and RTU."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from siloscope_edge.drivers.modbus.device import ModbusDevice
from siloscope_edge.drivers.modbus.lines import ModbusRtu, ModbusTcp
from siloscope_edge.drivers.modbus.port import ModbusBus
from siloscope_edge.drivers.modbus.profile import ModbusProfile, RegisterChannel, RegisterLimits
from siloscope_edge.instruments import Instrument
from siloscope_process.clock import SystemClock
from tests import modbuses
from tests.edge.drivers.fake_line import Tally
from tests.edge.drivers.modbus.test_counterparts import channel, laid_out
from tests.modbuses import Tables

pytestmark = pytest.mark.filterwarnings("ignore:isSet:DeprecationWarning")  # of modbus-tk's

FIRST = 100
"""Where `laid_out` begins; here everything begins at 0, since some servers have few addresses."""
PATTERN = [bool(at * at % 7 % 2) for at in range(40)]
Serve = Callable[[Tables], AbstractContextManager[int | str]]


@pytest.mark.parametrize(
    "serve",
    [
        modbuses.pymodbustcp,
        modbuses.modbus_tk_over_tcp,
        modbuses.modbus_tk_over_rtu,
        modbuses.umodbus,
        modbuses.pymodbus_over_tcp,
        modbuses.pymodbus_over_rtu,
        modbuses.modbus_serial,
        modbuses.libmodbus_over_tcp,
        modbuses.libmodbus_over_rtu,
    ],
)
async def test_every_type_order_and_table_is_read_as_others_serve_it(serve: Serve) -> None:
    numbers, registers, meant = laid_out()
    words = {address - FIRST + at: word for address, found in registers.items() for at, word in enumerate(found)}
    bits = {5 + at: int(bit) for at, bit in enumerate(PATTERN)}
    tables = {"holding": words, "input": words, "coil": bits, "discrete": bits}
    channels: list[RegisterChannel] = []
    expected: list[float] = []
    for table in ("holding", "input"):
        channels += [
            channel(f"{table}-{each.key}", each.type, each.address - FIRST, table, byte_order=each.byte_order)
            for each in numbers
        ]
        expected += meant
    for table in ("coil", "discrete"):
        channels += [channel(f"{table}-{at}", "bit", 5 + at, table) for at in range(len(PATTERN))]
        expected += [float(bit) for bit in PATTERN]
    limits = RegisterLimits(rest_s=0.01, timeout_s=5, gap_registers=3, registers_per_request=60, bits_per_request=33)
    profile = ModbusProfile(profile="probe", title="", limits=limits, channels=tuple(channels))
    instrument = Instrument(ModbusDevice("probe", "probe", unit_id=1), profile)
    tally = Tally()
    with serve(tables) as where:
        line = ModbusTcp("127.0.0.1", where) if isinstance(where, int) else ModbusRtu(where)
        bus = ModbusBus(line, [instrument], SystemClock(), tally)
        await bus.open()
        readings = await bus.read(instrument)
        bus.close()
    assert [each.value for each in readings] == expected
    assert tally == []
