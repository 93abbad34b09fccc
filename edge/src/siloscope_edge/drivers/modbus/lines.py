"""The three kinds of line on which Modbus is spoken."""

from siloscope_edge.wires import SerialLine, TcpLine, TcpPort


class ModbusTcp(TcpLine, frozen=True, forbid_unknown_fields=True):
    """A Modbus TCP host; several unit ids may answer behind it."""

    port: TcpPort = 502


class ModbusRtu(SerialLine, frozen=True, forbid_unknown_fields=True):
    """A serial port with Modbus RTU devices."""


class ModbusRtuTcp(TcpLine, frozen=True, forbid_unknown_fields=True):
    """A terminal server that passes RTU frames, with their CRC, to the serial line behind it."""


ModbusLine = ModbusTcp | ModbusRtu | ModbusRtuTcp
