"""Line settings in the order in which devices are met, and finding the one that a bus speaks."""

from collections.abc import Sequence
from typing import Any

from msgspec import convert
from msgspec.structs import asdict

from siloscope_edge.drivers.modbus.lines import ModbusLine, ModbusRtu, ModbusRtuTcp, ModbusTcp

_USUAL = (
    (9600, "N", 1), (19200, "E", 1), (19200, "N", 1), (4800, "N", 1), (9600, "E", 1), (115200, "N", 1), (38400, "N", 1),
    (2400, "N", 1), (19200, "N", 2), (9600, "N", 2), (57600, "N", 1), (38400, "E", 1), (9600, "O", 1), (19200, "O", 1),
    (4800, "E", 1), (115200, "E", 1), (1200, "N", 1), (2400, "E", 1),
)  # fmt: skip
BAUDS = (9600, 19200, 4800, 115200, 38400, 2400, 57600, 1200)
FORMATS = ("8N1", "8E1", "8N2", "8O1")


def serial_lines(
    port: str, bauds: Sequence[int] = (), formats: Sequence[str] = (), rs485: str | None = None
) -> list[ModbusRtu]:
    """Return the settings to try on a serial port, the most usual first.

    Args:
        port: The port.
        bauds: The only speeds to try.
        formats: The only formats to try, as ``8E1``.
        rs485: How the kernel turns the transceiver, as a bus of the configuration says.

    >>> [each.baud for each in serial_lines("/dev/ttyUSB0", formats=["8E1"])][:3]
    [19200, 9600, 38400]
    """
    usual = [each for each in _USUAL if not bauds or each[0] in bauds]
    usual = [each for each in usual if not formats or _format(each) in formats]
    if bauds or formats:  # all that was asked for, also what is not usual
        for format_ in formats or FORMATS:
            for baud in bauds or BAUDS:
                each = (baud, format_[1], int(format_[2]))
                if each not in usual:
                    usual.append(each)
    return [
        convert({"port": port, "baud": baud, "parity": parity, "stop_bits": stop_bits, "rs485": rs485}, ModbusRtu)
        for baud, parity, stop_bits in usual
    ]


def host_lines(host: str, port: int, framing: str) -> list[ModbusLine]:
    """Return the ways to speak with a host: Modbus TCP, and RTU frames through a terminal server."""
    tcp, rtu = ModbusTcp(host, port), ModbusRtuTcp(host, port)
    ways: dict[str, list[ModbusLine]] = {"auto": [tcp, rtu], "tcp": [tcp], "rtu": [rtu]}
    return ways[framing]


def in_words(line: ModbusLine) -> str:
    """Return a line's settings as people say them.

    >>> in_words(ModbusRtu("/dev/ttyUSB0", 19200, "E"))
    '19200 8E1'
    """
    if isinstance(line, ModbusRtu):
        return f"{line.baud} {line.data_bits}{line.parity}{line.stop_bits}"
    return "Modbus TCP" if isinstance(line, ModbusTcp) else "RTU over TCP"


def as_configured(line: ModbusLine) -> dict[str, dict[str, Any]]:
    """Return a line as a bus of the configuration has it."""
    kinds = {ModbusRtu: "modbus_rtu", ModbusTcp: "modbus_tcp", ModbusRtuTcp: "modbus_rtu_tcp"}
    unsaid = {"data_bits": 8, "rs485": None}  # as they are unless told
    return {
        kinds[type(line)]: {name: value for name, value in asdict(line).items() if (name, value) not in unsaid.items()}
    }


def _format(each: tuple[int, str, int]) -> str:
    return f"8{each[1]}{each[2]}"
