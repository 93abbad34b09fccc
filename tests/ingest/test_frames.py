"""Packets are told apart whatever pieces a socket brings them in; compiled or not, they say the same."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import siloscope_native as native
from siloscope_ingest.frames import MOST_BYTES, Packet, split_plainly
from tests.fuzz.packets import check

Split = Callable[[bytes, bool], tuple[list[Packet], int]]


@pytest.fixture(scope="module", params=["plain", "compiled"])
def split(request: pytest.FixtureRequest) -> Split:
    """Both, one after the other."""
    if request.param == "plain":
        return split_plainly
    request.getfixturevalue("compiled")
    return native.split


def packet(command: int, body: bytes) -> bytes:
    return bytes([command]) + length(len(body)) + body


def length(size: int) -> bytes:
    encoded = bytearray()
    while True:
        size, low = divmod(size, 128)
        encoded.append(low | (0x80 if size else 0))
        if not size:
            return bytes(encoded)


def publish(topic: str, packet_id: int | None, payload: bytes, properties: bytes | None) -> bytes:
    name = topic.encode()
    body = len(name).to_bytes(2, "big") + name
    if packet_id is not None:
        body += packet_id.to_bytes(2, "big")
    if properties is not None:
        body += length(len(properties)) + properties
    return packet(0x30 if packet_id is None else 0x32, body + payload)


SIZES = st.one_of(st.integers(0, 300), st.sampled_from([127, 128, 16_383, 16_384, 70_000]))
BODIES = SIZES.map(lambda size: b"x" * size)
OTHERS = st.tuples(st.sampled_from([0x10, 0x20, 0x40, 0x90, 0xD0, 0xE0, 0xFF]), st.none(), st.none(), BODIES)
MESSAGES = st.tuples(
    st.just(0x32), st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.integers(0, 65_535), BODIES
)
UNANSWERED = st.tuples(st.just(0x30), st.just("silo/v1/demo/farm/node/heartbeat"), st.none(), BODIES)
PACKETS = st.lists(st.one_of(OTHERS, MESSAGES, UNANSWERED), max_size=6)


@given(packets=PACKETS, properties=st.one_of(st.none(), BODIES), data=st.data())
def test_packets_are_found_in_whatever_pieces_they_come(
    split: Split, packets: list[Packet], properties: bytes | None, data: st.DataObject
) -> None:
    stream = b"".join(
        packet(command, body) if topic is None else publish(topic, packet_id, body, properties)
        for command, topic, packet_id, body in packets
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    found: list[Packet] = []
    left = b""
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        left += stream[start:end]
        packets_of_it, parsed = split(left, properties is not None)
        found += packets_of_it
        left = left[parsed:]
    assert left == b""
    assert found == packets


@pytest.mark.usefixtures("compiled")
@given(st.binary(max_size=80))
def test_compiled_or_not_the_same_is_found_in_anything(noise: bytes) -> None:
    check(noise)


@pytest.mark.usefixtures("compiled")
@given(st.lists(st.sampled_from([0x30, 0x32, 0x40, 0x80, 0x81, 0, 1, 2, 3, 4, 5, 6, 0x7F, 0xFF]), max_size=30))
def test_compiled_or_not_the_same_is_found_in_what_looks_like_packets(noise: list[int]) -> None:
    check(bytes(noise))


def test_a_length_of_more_than_four_bytes_is_no_packet(split: Split) -> None:
    with pytest.raises(ValueError, match="more than four bytes"):
        split(bytes([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]), True)
    assert split(bytes([0x30, 0x80, 0x80, 0x80]), True) == ([], 0)
    assert split(b"", True) == ([], 0)


def test_a_packet_beyond_all_measure_is_not_waited_for(split: Split) -> None:
    with pytest.raises(ValueError, match=str(MOST_BYTES)):
        split(b"\x32" + length(MOST_BYTES + 1) + b"x", True)


@pytest.mark.parametrize(
    ("body", "is_mqtt5"),
    [
        (b"", False),
        (b"\x00", False),
        (b"\x00\x05silo", False),
        (b"\x00\x04silo\x01", False),
        (b"\x00\x04silo\x01\x02", True),
        (b"\x00\x04silo\x01\x02\x05abc", True),
        (b"\x00\x04silo\x01\x02\x80\x80\x80\x80\x01abc", True),
    ],
)
def test_a_message_shorter_than_it_says_is_none(split: Split, body: bytes, is_mqtt5: bool) -> None:
    with pytest.raises(ValueError, match=r"PUBLISH|four bytes"):
        split(packet(0x32, body), is_mqtt5)
