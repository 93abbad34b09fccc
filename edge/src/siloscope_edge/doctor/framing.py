"""Requests as they stand on a wire, and what the bytes that come back are. Pure.

Source: MODBUS over Serial Line V1.02, 2.5.1; MODBUS Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3.
"""

from collections.abc import Iterator

from siloscope_edge.checksums import crc16_modbus
from siloscope_edge.doctor.exchange import Outcome
from siloscope_edge.drivers.modbus.frames import Expected, answer_in, expected_after, trouble_with
from siloscope_edge.errors import Trouble

_SMALLEST = 5
_LONGEST = 256
_HEADER = 7


def rtu_frame(unit_id: int, pdu: bytes) -> bytes:
    """Return the frame of a serial line.

    >>> rtu_frame(1, bytes.fromhex("0300000001")).hex(" ")
    '01 03 00 00 00 01 84 0a'
    """
    body = bytes((unit_id,)) + pdu
    return body + crc16_modbus(body).to_bytes(2, "little")


def tcp_frame(transaction: int, unit_id: int, pdu: bytes) -> bytes:
    """Return the frame of Modbus TCP."""
    return transaction.to_bytes(2) + b"\0\0" + (len(pdu) + 1).to_bytes(2) + bytes((unit_id,)) + pdu


def rtu_answer(request: bytes, received: bytes) -> bytes:
    """Return the whole frame that answers a request; none where it has not come yet."""
    expected = expected_after(request)
    return answer_in(received, expected)[0] if expected is not None else _open_ended(request, received)


def rtu_outcome(request: bytes, received: bytes, took_s: float, *, unasked: bytes = b"") -> Outcome:
    """Return what came back on a serial line.

    Args:
        request: The frame that was sent.
        received: All that came behind it.
        took_s: How long that took.
        unasked: What had come before it was sent: answers that were late, or somebody who talks.
    """
    answer = rtu_answer(request, received)
    strangers = tuple(frame[0] for frame in frames_in(unasked + received) if frame[0] != request[0])
    if not answer:
        return Outcome(b"", _trouble(request, received), received, took_s, late=strangers)
    at = received.index(answer)
    before = received[:at]
    behind = received[at + len(answer) :]
    again = any(frame[0] == request[0] and frame[1] & 0x7F == request[1] for frame in frames_in(behind))
    return Outcome(
        answer[1:-2], _trouble(request, before) if before else None, received, took_s, again=again, late=strangers
    )


def tcp_outcome(request: bytes, received: bytes, took_s: float, *, hung_up: bool = False) -> Outcome:
    """Return what came back on a TCP connection."""
    answer = tcp_answer(request, received)
    if answer:
        return Outcome(answer[_HEADER:], None, received, took_s)
    trouble = Trouble.NO_ANSWER
    if received:
        trouble = Trouble.ECHO if received == request else Trouble.NOISE
        if tcp_packets(received) and received != request:
            trouble = Trouble.UNSOLICITED
    return Outcome(b"", trouble, received, took_s, hung_up=hung_up)


def tcp_answer(request: bytes, received: bytes) -> bytes:
    """Return the packet that answers a request: of its transaction, unit and function; none where it has not come."""
    for packet in tcp_packets(received):
        same = packet[:2] == request[:2] and packet[6] == request[6] and packet[7] & 0x7F == request[7]
        if same and packet != request:
            return packet
    return b""


def tcp_packets(received: bytes) -> list[bytes]:
    """Return the whole packets at the front of what came."""
    packets = []
    at = 0
    while len(received) - at > _HEADER and received[at + 2 : at + 4] == b"\0\0":
        end = at + 6 + int.from_bytes(received[at + 4 : at + 6])
        if not at + _HEADER < end <= min(len(received), at + _LONGEST + 6):
            break
        packets.append(received[at:end])
        at = end
    return packets


def frames_in(received: bytes) -> Iterator[bytes]:
    """Yield the sound answer frames that stand anywhere in what came on a serial line, requests left out."""
    at = 0
    while at <= len(received) - _SMALLEST:
        size = _answer_size(received, at)
        frame = received[at : at + size]
        if size and len(frame) == size and crc16_modbus(frame) == 0:
            yield frame
            at += size
        else:
            at += 1


def has_swapped_checksum(received: bytes) -> bool:
    """Whether all that came is one frame that would be sound with the two bytes of its CRC swapped."""
    if len(received) < _SMALLEST:
        return False
    return crc16_modbus(received[:-2] + received[:-3:-1]) == 0


def _answer_size(received: bytes, at: int) -> int:
    function = received[at + 1]
    if function & 0x80:
        return _SMALLEST
    return 5 + received[at + 2] if function in (1, 2, 3, 4, 17) and received[at + 2] else 0


def _open_ended(request: bytes, received: bytes) -> bytes:
    """Return the answer to a request whose answer says nowhere how long it is: the longest sound frame of it."""
    for at in range(len(received) - _SMALLEST + 1):
        if received[at] == request[0] and received[at + 1] & 0x7F == request[1]:
            for end in range(min(len(received), at + _LONGEST), at + _SMALLEST - 1, -1):
                frame = received[at:end]
                if crc16_modbus(frame) == 0 and frame != request:
                    return frame
    return b""


def _trouble(request: bytes, received: bytes) -> Trouble:
    expected = expected_after(request) or Expected(request, request[0], request[1], 0)
    return trouble_with(received, expected)
