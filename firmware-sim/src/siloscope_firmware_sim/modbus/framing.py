"""Finding RTU frames in a stream of bytes.

On the wire a frame ends with 3.5 characters of silence. A pseudo-terminal delivers a master's write in one piece, so a
buffer that is already a whole request with a right CRC is taken at once; anything else waits for the silence.

Source: MODBUS over Serial Line V1.02, section 2.5.1.1.
"""

from siloscope_firmware_sim.modbus.checksum import intact
from siloscope_firmware_sim.modbus.requests import (
    READ_COILS,
    READ_HOLDING,
    READ_INPUT,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_MANY,
    WRITE_ONE,
)

_LONGEST_FRAME = 256
_BITS_PER_CHARACTER = 11
_LEAST_SILENCE_S = 0.00175


def silence_s(baud: int) -> float:
    """Return the silence that ends a frame: 3.5 characters, and 1.75 ms above 19 200 baud."""
    return max(3.5 * _BITS_PER_CHARACTER / baud, _LEAST_SILENCE_S)


def on_the_wire_s(size_bytes: int, baud: int) -> float:
    """Return how long so many bytes take at this speed."""
    return size_bytes * _BITS_PER_CHARACTER / baud


class RequestBuffer:
    """Collects the bytes of one request on a serial line."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, chunk: bytes) -> bytes | None:
        """Take what arrived; return a request as soon as it is whole."""
        self._bytes += chunk
        size = _request_size(self._bytes)
        if size == len(self._bytes) and intact(bytes(self._bytes)):
            return self.end()
        if len(self._bytes) > 2 * _LONGEST_FRAME:
            self._bytes.clear()
        return None

    def end(self) -> bytes:
        """Take the silence: return everything since the last one, whole or not, and begin anew."""
        frame = bytes(self._bytes)
        self._bytes.clear()
        return frame


def _request_size(buffer: bytearray) -> int | None:
    if len(buffer) < 8:
        return None
    if buffer[1] in (READ_HOLDING, READ_INPUT, WRITE_ONE, READ_COILS, WRITE_COIL):
        return 8
    if buffer[1] in (WRITE_MANY, WRITE_COILS):
        return 9 + buffer[6]
    return None
