"""Finding the answer in what a two-wire bus delivers, among echoes, noise and frames that nobody asked for. Pure.

Source: MODBUS over Serial Line V1.02, section 2.5.1: unit id, PDU, CRC-16 with its low byte first. MODBUS Application
Protocol V1.1b3, sections 6.5, 6.6, 6.11, 6.12: what confirms a write.
"""

from msgspec import Struct

from siloscope_edge.checksums import crc16_modbus
from siloscope_edge.errors import Trouble

_SMALLEST = 5
_EXCEPTION = 0x80
_WRITES_ONE = (5, 6)
_WRITES_MANY = (15, 16)


class Expected(Struct, frozen=True):
    """The answer that a request can have.

    Attributes:
        request: The whole frame that was sent; an adapter may send it back.
        unit_id: Of the device that was asked.
        function: That was asked for.
        content_bytes: Bytes of registers or bits in the answer to a read.
        whole: The one frame that confirms a write.
        behind_echo: Whether the adapter sends requests back: what confirms a single write looks exactly like it, so the
            first copy is not the answer.
    """

    request: bytes
    unit_id: int
    function: int
    content_bytes: int = 0
    whole: bytes = b""
    behind_echo: bool = False


def expected_after(request: bytes, *, echoes: bool = False) -> Expected | None:
    """Return what may answer the frame of a read or a write; None for any other frame.

    Args:
        request: The frame.
        echoes: Whether the adapter is known to send requests back.
    """
    if len(request) < 8:
        return None
    function = request[1]
    if function in _WRITES_ONE:
        return Expected(request, request[0], function, whole=request, behind_echo=echoes)
    if function in _WRITES_MANY:
        confirmed = request[:6]
        whole = confirmed + crc16_modbus(confirmed).to_bytes(2, "little")
        return Expected(request, request[0], function, whole=whole)
    if len(request) != 8 or function not in (1, 2, 3, 4):
        return None
    count = int.from_bytes(request[4:6])
    content = (count + 7) // 8 if request[1] in (1, 2) else 2 * count
    return Expected(request, request[0], request[1], content)


def answer_in(received: bytes, expected: Expected) -> tuple[bytes, Trouble | None]:
    """Return the frame that answers, and what stood before it; an empty frame where none has come whole yet."""
    first = len(expected.request) if expected.behind_echo and received.startswith(expected.request) else 0
    for at in range(first, len(received) - _SMALLEST + 1):
        frame = _frame_at(received, at, expected)
        if frame and crc16_modbus(frame) == 0:
            return frame, _named(received[:at], expected) if at else None
    return b"", None


def trouble_with(received: bytes, expected: Expected) -> Trouble:
    """Return what is the matter with bytes in which no answer was found until the time-out."""
    rest = received.removeprefix(expected.request)
    if not rest:
        return Trouble.ECHO if received else Trouble.NO_ANSWER
    if _sound(rest):
        return Trouble.UNSOLICITED
    for at in range(len(rest) - 1):
        if rest[at] == expected.unit_id and rest[at + 1] & ~_EXCEPTION == expected.function:
            return Trouble.WRONG_CHECKSUM if _frame_at(rest, at, expected) else Trouble.SHORT_FRAME
    return _named(rest, expected)


def _frame_at(received: bytes, at: int, expected: Expected) -> bytes:
    """Return the bytes that would be the answer if it began here; none where it cannot, or is not whole."""
    if received[at] != expected.unit_id or len(received) - at < _SMALLEST:
        return b""
    if received[at + 1] == expected.function | _EXCEPTION:
        return received[at : at + _SMALLEST]
    if expected.whole:
        return expected.whole if received.startswith(expected.whole, at) else b""
    if received[at + 1] != expected.function or received[at + 2] != expected.content_bytes:
        return b""
    end = at + 3 + expected.content_bytes + 2
    return received[at:end] if end <= len(received) else b""


def _named(foreign: bytes, expected: Expected) -> Trouble:
    if foreign == expected.request:
        return Trouble.ECHO
    return Trouble.UNSOLICITED if _sound(foreign) else Trouble.NOISE


def _sound(frame: bytes) -> bool:
    return len(frame) >= _SMALLEST and crc16_modbus(frame) == 0
