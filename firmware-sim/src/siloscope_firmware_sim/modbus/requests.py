"""What a slave does with a request PDU: read or write registers or coils, or refuse as the protocol says.

Source: MODBUS Application Protocol Specification V1.1b3, sections 6 and 7.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from siloscope_firmware_sim.errors import ModbusRefusal

READ_COILS = 0x01
READ_HOLDING = 0x03
READ_INPUT = 0x04
WRITE_COIL = 0x05
WRITE_ONE = 0x06
WRITE_COILS = 0x0F
WRITE_MANY = 0x10

_COIL_ON = 0xFF00
_MOST_COILS = 1968

ILLEGAL_FUNCTION = 0x01
ILLEGAL_ADDRESS = 0x02
ILLEGAL_VALUE = 0x03
GATEWAY_TARGET_SILENT = 0x0B

Words = Mapping[int, int]


class Device(Protocol):
    """The registers of one instrument, or its coils: one table of it can be written.

    Attributes:
        functions: Function codes that it knows; any other is answered with an illegal function.
        most_registers: Most registers that one read may ask for.
    """

    functions: frozenset[int]
    most_registers: int

    def words(self, function: int) -> Words:
        """Return every register (or coil, 0 or 1) that a read function reaches, all taken at the same instant."""
        ...

    def write(self, address: int, values: Sequence[int]) -> None:
        """Set holding registers, or coils, from ``address`` on.

        Raises:
            ModbusRefusal: An address or a value is not to be written.
        """
        ...


def answer(device: Device, pdu: bytes) -> bytes | None:
    """Return the answer PDU to a request PDU, or None where a real slave stays silent (a PDU of impossible length)."""
    function = pdu[0]
    if function not in device.functions:
        return bytes((function | 0x80, ILLEGAL_FUNCTION))
    if not _whole(pdu):
        return None
    try:
        if function in (READ_HOLDING, READ_INPUT, READ_COILS):
            return _read(device, pdu)
        if function in (WRITE_COIL, WRITE_COILS):
            return _switch(device, pdu)
        return _write(device, pdu)
    except ModbusRefusal as refusal:
        return bytes((function | 0x80, refusal.code))


def _whole(pdu: bytes) -> bool:
    if pdu[0] in (WRITE_MANY, WRITE_COILS):
        return len(pdu) >= 6 and len(pdu) == 6 + pdu[5]
    return len(pdu) == 5


def _read(device: Device, pdu: bytes) -> bytes:
    address, count = int.from_bytes(pdu[1:3]), int.from_bytes(pdu[3:5])
    if not 1 <= count <= device.most_registers:
        raise ModbusRefusal(ILLEGAL_VALUE)
    words = device.words(pdu[0])
    wanted = range(address, address + count)
    if any(each not in words for each in wanted):
        raise ModbusRefusal(ILLEGAL_ADDRESS)
    if pdu[0] == READ_COILS:
        size = (count + 7) // 8
        packed = sum(words[each] << at for at, each in enumerate(wanted))
        return bytes((pdu[0], size)) + packed.to_bytes(size, "little")
    return bytes((pdu[0], 2 * count)) + b"".join(words[each].to_bytes(2) for each in wanted)


def _switch(device: Device, pdu: bytes) -> bytes:
    address, asked = int.from_bytes(pdu[1:3]), int.from_bytes(pdu[3:5])
    if pdu[0] == WRITE_COIL:
        if asked not in (0x0000, _COIL_ON):
            raise ModbusRefusal(ILLEGAL_VALUE)
        device.write(address, [int(asked == _COIL_ON)])
        return pdu
    if not 1 <= asked <= _MOST_COILS or pdu[5] != (asked + 7) // 8:
        raise ModbusRefusal(ILLEGAL_VALUE)
    packed = int.from_bytes(pdu[6:], "little")
    device.write(address, [packed >> at & 1 for at in range(asked)])
    return pdu[:5]


def _write(device: Device, pdu: bytes) -> bytes:
    address = int.from_bytes(pdu[1:3])
    if pdu[0] == WRITE_ONE:
        device.write(address, [int.from_bytes(pdu[3:5])])
        return pdu
    count = int.from_bytes(pdu[3:5])
    if not 1 <= count <= device.most_registers or pdu[5] != 2 * count:
        raise ModbusRefusal(ILLEGAL_VALUE)
    device.write(address, [int.from_bytes(pdu[at : at + 2]) for at in range(6, len(pdu), 2)])
    return pdu[:5]
