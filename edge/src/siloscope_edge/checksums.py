"""The checksums that instruments put behind what they say."""

from collections.abc import Callable
from functools import reduce
from operator import xor


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
        entries.append(value)
    return tuple(entries)


_REFLECTED_A001 = _table()


def _crc16(data: bytes, value: int) -> int:
    for byte in data:
        value = value >> 8 ^ _REFLECTED_A001[(value ^ byte) & 0xFF]
    return value


def crc16_modbus(data: bytes) -> int:
    """Return the CRC-16 of Modbus: 0xA001 reflected, begun with 0xFFFF; 0 over a frame with its own, low byte first.

    >>> crc16_modbus(bytes.fromhex("010300000001")).to_bytes(2, "little").hex()
    '840a'
    """
    return _crc16(data, 0xFFFF)


def crc_sdi12(data: bytes) -> str:
    """Return the three characters of SDI-12 and of Vaisala's ASCII protocol.

    >>> crc_sdi12(b"0r1"), crc_sdi12(b"0+3.14")
    ('Goe', 'OqZ')
    """
    value = _crc16(data, 0)
    return chr(0x40 | value >> 12) + chr(0x40 | value >> 6 & 0x3F) + chr(0x40 | value & 0x3F)


def xor_hex(data: bytes) -> str:
    """Return the exclusive or of all bytes as two hexadecimal digits, as Gill and NMEA 0183 write it.

    >>> xor_hex(b"A,,,M,04,")
    '24'
    """
    return f"{reduce(xor, data, 0):02X}"


def sum16_hex(data: bytes) -> str:
    """Return the sum of all bytes, 16 bits of it, as four hexadecimal digits, as Vaisala's CS4 writes it.

    >>> sum16_hex(b"\\x01HMP155,00\\x02")
    '020F'
    """
    return f"{sum(data) & 0xFFFF:04X}"


def crc_ccitt(data: bytes) -> int:
    """Return the CRC-CCITT of Davis: 0x1021, begun with 0; 0 over a packet with its own, high byte first.

    >>> hex(crc_ccitt(bytes.fromhex("C6CEA203")))
    '0xe2b4'
    """
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


BEHIND_LINES: dict[str, tuple[int, Callable[[bytes], str]]] = {
    "xor": (2, xor_hex),
    "nmea": (2, xor_hex),
    "crc16_modbus": (4, lambda data: f"{crc16_modbus(data):04X}"),
    "crc16_modbus_low_first": (4, lambda data: crc16_modbus(data).to_bytes(2, "little").hex().upper()),
    "sdi12": (3, crc_sdi12),
    "sum16": (4, sum16_hex),
}
"""Checksums that stand in text behind a line: how many characters, and which."""
