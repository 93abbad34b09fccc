"""The CRC that Modbus RTU and Vaisala's ASCII protocol share (reflected 0xA001), and how each writes it down."""


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        entries.append(crc)
    return tuple(entries)


_TABLE = _table()


def crc16(data: bytes, initial: int = 0xFFFF) -> int:
    """Return the CRC-16 over ``data``; Modbus begins with 0xFFFF, Vaisala and SDI-12 with 0."""
    crc = initial
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def sealed(body: bytes) -> bytes:
    """Return an RTU frame: ``body`` (unit id and PDU) followed by its CRC, low byte first.

    >>> sealed(bytes.fromhex("010300000001")).hex(" ")
    '01 03 00 00 00 01 84 0a'
    """
    return body + crc16(body).to_bytes(2, "little")


def intact(frame: bytes) -> bool:
    """Say whether an RTU frame is long enough to be one and its CRC is right."""
    return len(frame) >= 4 and crc16(frame) == 0


def three_characters(text: bytes) -> bytes:
    """Return the CRC of ``text`` as the three printable characters of SDI-12 and Vaisala's ASCII protocol.

    >>> three_characters(b"0r1")
    b'Goe'
    """
    crc = crc16(text, initial=0)
    return bytes((0x40 | crc >> 12, 0x40 | crc >> 6 & 0x3F, 0x40 | crc & 0x3F))
