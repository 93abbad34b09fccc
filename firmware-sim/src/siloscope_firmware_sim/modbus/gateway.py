"""A Modbus TCP gateway: MBAP on one side, the serial bus on the other.

Source: MODBUS Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3; exception 0x0B when the target is silent.
"""

from dataclasses import dataclass

from siloscope_firmware_sim.modbus.bus import Wire
from siloscope_firmware_sim.modbus.checksum import intact, sealed
from siloscope_firmware_sim.modbus.requests import GATEWAY_TARGET_SILENT

HEADER_SIZE = 7
_LONGEST_PDU = 253


@dataclass(frozen=True)
class Header:
    """The MBAP header.

    Attributes:
        transaction: Number that the master gave; answered as it came.
        protocol: 0 for Modbus.
        length: Bytes that follow the length field: unit id and PDU.
        unit_id: The slave behind the gateway.
    """

    transaction: int
    protocol: int
    length: int
    unit_id: int

    @classmethod
    def parse(cls, data: bytes) -> "Header":
        """Read the seven bytes of a header."""
        return cls(int.from_bytes(data[0:2]), int.from_bytes(data[2:4]), int.from_bytes(data[4:6]), data[6])

    @property
    def sound(self) -> bool:
        """Whether it is Modbus and its length is possible; a gateway hangs up on anything else."""
        return self.protocol == 0 and 2 <= self.length <= _LONGEST_PDU + 1


@dataclass(frozen=True)
class Reply:
    """An answer for the TCP side.

    Attributes:
        data: The bytes.
        after_s: How long the serial side took over it.
        answered: Whether a slave answered; else the gateway speaks for itself.
    """

    data: bytes
    after_s: float
    answered: bool


class Gateway:
    """Translates requests for the bus behind it.

    Args:
        wire: The bus.
        timeout_s: How long it waits for a silent slave before it says so.
    """

    def __init__(self, wire: Wire, *, timeout_s: float = 0.3) -> None:
        self._wire = wire
        self._timeout_s = timeout_s

    def ask(self, header: Header, pdu: bytes) -> Reply:
        """Pass a request on and return the answer, or exception 0x0B where none or a broken one came."""
        answer = self._wire.exchange(sealed(bytes((header.unit_id,)) + pdu))
        if answer is not None and intact(answer.frame) and answer.frame[0] == header.unit_id:
            return Reply(_wrapped(header, answer.frame[1:-2]), answer.after_s, answered=True)
        refusal = bytes((pdu[0] | 0x80, GATEWAY_TARGET_SILENT))
        return Reply(_wrapped(header, refusal), self._timeout_s, answered=False)


def _wrapped(header: Header, pdu: bytes) -> bytes:
    length = 1 + len(pdu)
    return header.transaction.to_bytes(2) + b"\0\0" + length.to_bytes(2) + bytes((header.unit_id,)) + pdu
