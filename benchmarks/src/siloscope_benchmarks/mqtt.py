"""The little MQTT 3.1.1 that a load generator and a counting subscriber need, cheap enough to share the machine."""

import socket
import struct
from functools import lru_cache

PUBLISH_QOS_1 = 0x32
_CONNECT_WITH_PASSWORD = b"\x00\x04MQTT\x04\xc2"


def field(text: str) -> bytes:
    """Return a text as MQTT writes it (1.5.3)."""
    return struct.pack(">H", len(text)) + text.encode()


@lru_cache(maxsize=4096)
def length(size: int) -> bytes:
    """Return a remaining length as MQTT writes it (2.2.3)."""
    encoded = bytearray()
    while True:
        size, low = divmod(size, 128)
        encoded.append(low | (0x80 if size else 0))
        if not size:
            return bytes(encoded)


def packet(command: int, body: bytes) -> bytes:
    """Return a control packet."""
    return bytes([command]) + length(len(body)) + body


def whole_packet(data: bytes, at: int) -> tuple[int, int] | None:
    """Return where the body of the packet that begins at ``at`` starts and ends; None where it is not whole."""
    size, shift = 0, 0
    for position in range(at + 1, min(at + 5, len(data))):
        size |= (data[position] & 0x7F) << shift
        shift += 7
        if not data[position] & 0x80:
            end = position + 1 + size
            return (position + 1, end) if end <= len(data) else None
    return None


def connected(host: str, port: int, client_id: str, username: str, password: str) -> socket.socket:
    """Return a socket that the broker has accepted, not blocking.

    Raises:
        ConnectionError: The broker answered something else.
    """
    connection = socket.create_connection((host, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    fields = b"".join(field(each) for each in (client_id, username, password))
    connection.sendall(packet(0x10, _CONNECT_WITH_PASSWORD + struct.pack(">H", 0) + fields))
    answer = connection.recv(4)
    if answer != b"\x20\x02\x00\x00":
        raise ConnectionError(f"the broker answered {answer.hex()}")
    connection.setblocking(False)
    return connection
