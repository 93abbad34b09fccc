"""Physical values as the 16-bit words of registers."""

import struct


def tenths(value: float) -> int:
    """Return a value in steps of 0.1 as a two's complement word.

    >>> hex(tenths(21.9)), hex(tenths(-10.1))
    ('0xdb', '0xff9b')
    """
    return round(value * 10) & 0xFFFF


def signed(word: int) -> int:
    """Return a two's complement word as a number."""
    return word - 0x10000 if word & 0x8000 else word


def float_high_first(value: float) -> tuple[int, int]:
    """Return an IEEE-754 single as two words, the high one first (ABCD).

    >>> [hex(word) for word in float_high_first(230.2)]
    ['0x4366', '0x3333']
    """
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return high, low


def from_float_high_first(high: int, low: int) -> float:
    """Return the IEEE-754 single of two words, the high one first."""
    value: float = struct.unpack(">f", struct.pack(">HH", high, low))[0]
    return value
