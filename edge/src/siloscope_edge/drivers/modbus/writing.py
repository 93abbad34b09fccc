"""Writing an output and reading it back: FC05, FC06, FC15, FC16, FC01, FC03.

Source: MODBUS Application Protocol Specification V1.1b3, sections 6.1, 6.3, 6.5, 6.6, 6.11, 6.12.
"""

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from siloscope_contract.quality import Quality
from siloscope_edge.drivers.modbus.answers import require_accepted
from siloscope_edge.drivers.modbus.output import ModbusOutput
from siloscope_edge.errors import ReadFailed

_Client = AsyncModbusTcpClient | AsyncModbusSerialClient


async def written(client: _Client, unit_id: int, output: ModbusOutput, *, on: bool) -> None:
    """Write an output.

    Raises:
        ReadFailed: The device refused, or confirmed something else.
    """
    value = output.on_value if on else output.off_value
    if output.function == "single":
        await _written_one(client, unit_id, output, value)
        return
    if output.coil is not None:
        answer = await client.write_coils(output.address, [bool(value)], device_id=unit_id)
    else:
        answer = await client.write_registers(output.address, [value], device_id=unit_id)
    require_accepted(answer)
    if (answer.address, answer.count) != (output.address, 1):
        raise _otherwise(f"{answer.count} from {answer.address}", output)


async def read_back(client: _Client, unit_id: int, output: ModbusOutput) -> bool | None:
    """Return whether an output is on; None where it holds neither its value for on nor that for off.

    Raises:
        ReadFailed: The device refused, or answered something else.
    """
    if output.coil is not None:
        answer = await client.read_coils(output.address, count=1, device_id=unit_id)
    else:
        answer = await client.read_holding_registers(output.address, count=1, device_id=unit_id)
    require_accepted(answer)
    content = answer.bits if output.coil is not None else answer.registers
    if not content:
        raise _otherwise("nothing", output)
    return {output.on_value: True, output.off_value: False}.get(int(content[0]))


async def _written_one(client: _Client, unit_id: int, output: ModbusOutput, value: int) -> None:
    answer: ModbusPDU
    if output.coil is not None:
        answer = await client.write_coil(output.address, bool(value), device_id=unit_id)
        require_accepted(answer)
        confirmed = int(answer.bits[0]) if answer.bits else None
    else:
        answer = await client.write_register(output.address, value, device_id=unit_id)
        require_accepted(answer)
        confirmed = answer.registers[0] if answer.registers else None
    if (answer.address, confirmed) != (output.address, value):
        raise _otherwise(f"{confirmed} at {answer.address}", output)


def _otherwise(found: str, output: ModbusOutput) -> ReadFailed:
    detail = f"it confirmed {found} instead of {output.point}"
    return ReadFailed(Quality.INVALID_FRAME, detail, answered=True)
