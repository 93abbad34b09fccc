"""MQTT control packets in what a socket brought, the messages among them taken apart (MQTT 3.1.1 and 5, 2.1 and 3.3).

`split` is the compiled one where there is one, else `split_plainly`, which does the same.
"""

import siloscope_native as native

MOST_BYTES = 2**21
"""No broker of ours passes on so much in one packet: a length beyond it is a torn one, and waiting for the rest of it
would fill the memory with everything that comes."""

Packet = tuple[int, str | None, int | None, bytes]
"""The first byte, and what follows: of a PUBLISH its topic, its packet id (None at QoS 0) and its payload, of any other
packet None, None and all of it."""

_PUBLISH = 0x30
_QOS_BITS = 6


def split_plainly(data: bytes, is_mqtt5: bool) -> tuple[list[Packet], int]:
    """Return all packets that are there in whole, and where the first one begins that is not.

    Raises:
        ValueError: What stands there is no packet, or a PUBLISH that is torn within.

    >>> split_plainly(bytes([0x40, 2, 0, 7, 0xD0, 0, 0x30]), True)
    ([(64, None, None, b'\\x00\\x07'), (208, None, None, b'')], 6)
    """
    found: list[Packet] = []
    at, size = 0, len(data)
    while at + 2 <= size:
        length, start = _length(data, at + 1, size)
        if start > size or start + length > size:
            if start <= size and length > MOST_BYTES:
                raise ValueError(f"found a packet of {length} bytes, expected at most {MOST_BYTES}")
            break
        end = start + length
        body = data[start:end]
        found.append(
            publication(data[at], body, is_mqtt5) if data[at] & 0xF0 == _PUBLISH else (data[at], None, None, body)
        )
        at = end
    return found, at


def publication(command: int, body: bytes, is_mqtt5: bool) -> Packet:
    """Take a PUBLISH apart.

    Raises:
        ValueError: It is shorter than what it says of itself.
    """
    size = len(body)
    at = 2 + int.from_bytes(body[:2], "big")
    topic = body[2:at]
    packet_id = None
    if command & _QOS_BITS:
        packet_id = int.from_bytes(body[at : at + 2], "big")
        at += 2
    if is_mqtt5:
        length, at = _length(body, at, size)
        at += length
    if size < 2 or at > size:
        raise ValueError(f"found a PUBLISH of {size} bytes, expected at least {at}")
    return command, topic.decode("utf-8", "replace"), packet_id, body[at:]


def _length(data: bytes, at: int, size: int) -> tuple[int, int]:
    """Return a length, and where it ends: beyond `size` where not all of it is there."""
    length = 0
    for shift in (0, 7, 14, 21):
        if at >= size:
            return 0, size + 1
        byte = data[at]
        at += 1
        length |= (byte & 127) << shift
        if byte < 128:
            return length, at
    raise ValueError("found a length of more than four bytes")


split = native.split if native.IS_COMPILED else split_plainly
