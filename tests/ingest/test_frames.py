"""Packets in a stream of bytes: whole ones, those that are still coming, and what cannot be one."""

import pytest

from siloscope_ingest.frames import MOST_BYTES, Unframed, split

PUBLISH = 0x32


def head(length: int) -> bytes:
    found = bytearray([PUBLISH])
    while True:
        length, digit = length >> 7, length & 127
        found.append(digit | 128 if length else digit)
        if not length:
            return bytes(found)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16_383, 16_384, MOST_BYTES])
def test_a_packet_is_found_once_it_is_whole(length: int) -> None:
    packet = head(length) + bytes(length)
    assert split(packet) == ([(PUBLISH, len(packet) - length, len(packet))], len(packet))
    assert split(packet[:-1]) == ([], 0)


@pytest.mark.parametrize("torn", [head(MOST_BYTES + 1), head(2**28 - 1), bytes([PUBLISH, 255, 255, 255, 255, 1])])
def test_a_length_that_no_packet_has_ends_the_reading_at_once(torn: bytes) -> None:
    with pytest.raises(Unframed):
        split(torn + b"what comes behind it")
