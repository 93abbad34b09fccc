"""Modbus TCP, RTU and RTU over TCP."""

from collections.abc import Sequence

from siloscope_edge.driver import Driver
from siloscope_edge.drivers.modbus.device import ModbusDevice
from siloscope_edge.drivers.modbus.lines import ModbusRtu, ModbusRtuTcp, ModbusTcp
from siloscope_edge.drivers.modbus.output import ModbusOutput
from siloscope_edge.drivers.modbus.output import check as check_output
from siloscope_edge.drivers.modbus.port import ModbusBus
from siloscope_edge.drivers.modbus.profile import ModbusProfile, check
from siloscope_edge.drivers.modbus.registers import plan


def _asks(profile: ModbusProfile) -> Sequence[str]:
    return [f"{each.table} {each.address:#06x}+{each.count}" for each in plan(profile.channels, profile.limits)]


DRIVER = Driver(
    name="modbus",
    summary="Modbus TCP, RTU and RTU over TCP: coils, discrete inputs, holding and input registers",
    profile=ModbusProfile,
    device=ModbusDevice,
    lines={"modbus_tcp": ModbusTcp, "modbus_rtu": ModbusRtu, "modbus_rtu_tcp": ModbusRtuTcp},
    bus=ModbusBus,
    asks=_asks,
    check=check,
    output=ModbusOutput,
    check_output=check_output,
)
