"""MQTT control packets in what a socket brought (MQTT 3.1.1 and 5, 2.1): told apart without a call for each."""

MOST_BYTES = 2**21
"""No broker of ours passes on so much in one packet: a length beyond it is a torn one, and waiting for the rest of it
would fill the memory with everything that comes."""

Frame = tuple[int, int, int]
"""The first byte of a packet, and from where to where its remainder stands."""


class Unframed(ValueError):
    """A length that is none: nothing behind it can be told apart."""


def split(data: bytes) -> tuple[list[Frame], int]:
    """Return all packets that are there in whole, and where the first one begins that is not.

    Raises:
        Unframed: What stands there is no packet.

    >>> split(bytes([0x40, 2, 0, 7, 0xd0, 0, 0x30]))
    ([(64, 2, 4), (208, 6, 6)], 6)
    """
    found: list[Frame] = []
    at, size = 0, len(data)
    while at + 2 <= size:
        length = data[at + 1]
        start = at + 2
        if length > 127:
            if start >= size:
                break
            byte = data[start]
            start += 1
            length = (length & 127) | (byte & 127) << 7
            if byte > 127:
                start, length = _long(data, start, length)
                if start > size:
                    break
        end = start + length
        if end > size:
            if length > MOST_BYTES:
                raise Unframed(f"found a packet of {length} bytes, expected at most {MOST_BYTES}")
            break
        found.append((data[at], start, end))
        at = end
    return found, at


def _long(data: bytes, start: int, length: int) -> tuple[int, int]:
    """Return where a packet with a length of three or four bytes goes on, and the length."""
    for shift in (14, 21):
        if start >= len(data):
            return start + 1, 0  # not all of the length is there yet
        byte = data[start]
        start += 1
        length |= (byte & 127) << shift
        if byte < 128:
            return start, length
    raise Unframed("found a remaining length of more than four bytes")
