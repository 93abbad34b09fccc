"""Packets are told apart whatever pieces a socket brings them in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_ingest.frames import Frame, Unframed, split


def packet(command: int, size: int) -> bytes:
    encoded = bytearray([command])
    rest = size
    while True:
        rest, low = divmod(rest, 128)
        encoded.append(low | (0x80 if rest else 0))
        if not rest:
            return bytes(encoded) + bytes([command]) * size


SIZES = st.one_of(st.integers(0, 300), st.sampled_from([127, 128, 16_383, 16_384, 70_000]))
PACKETS = st.lists(st.tuples(st.integers(0x10, 0xFF), SIZES), max_size=6)


@given(PACKETS, st.data())
def test_packets_are_found_in_whatever_pieces_they_come(packets: list[tuple[int, int]], data: st.DataObject) -> None:
    stream = b"".join(packet(*each) for each in packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    found: list[tuple[int, int]] = []
    left = b""
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        left += stream[start:end]
        frames, parsed = split(left)
        found += [_checked(left, frame) for frame in frames]
        left = left[parsed:]
    assert left == b""
    assert found == packets


def _checked(data: bytes, frame: Frame) -> tuple[int, int]:
    command, start, end = frame
    assert data[start:end] == bytes([command]) * (end - start)
    return command, end - start


def test_a_length_of_more_than_four_bytes_is_no_packet() -> None:
    with pytest.raises(Unframed):
        split(bytes([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]))
    assert split(bytes([0x30, 0x80, 0x80, 0x80])) == ([], 0)
    assert split(b"") == ([], 0)
