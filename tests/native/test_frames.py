"""Packets, compiled: in whatever memory they come, and however torn they are."""

import itertools
from array import array
from ctypes import c_ubyte
from typing import Any

import pytest

import siloscope_native as native
from siloscope_ingest.frames import MOST_BYTES, split_plainly
from tests.fuzz.packets import answer
from tests.native.conftest import KeepsNothing

TOPIC = b"silo/v1/demo/farm/node/data"
NAME = len(TOPIC).to_bytes(2, "big") + TOPIC
FIRST_BYTES = [0x00, 0x10, 0x30, 0x31, 0x32, 0x34, 0x3D, 0x40, 0xD0, 0xFF]
STREAM = b"".join(
    [
        b"\x20\x03\x00\x00\x00",
        bytes([0x32, len(NAME) + 2 + 1 + 3]) + NAME + b"\x00\x07" + b"\x00" + b"[{}",
        bytes([0x30, 0x80 | (len(NAME) + 3), 0]) + NAME + b"\x02ab",  # a length of two bytes where one would do
        b"\xd0\x00",
        bytes([0x3D, 8]) + b"\x00\x02\xff\xfe\x00\x01\x00\x01",  # a topic that is no UTF-8
        bytes([0x34, 6]) + b"\x00\x00\xff\xff\x00x",
    ]
)


def split(*arguments: object) -> Any:
    """Call it without regard to types."""
    return native.split(*arguments)  # type: ignore[arg-type]


def at_the_end(data: bytes) -> memoryview:
    """The same in memory that ends with it, so that a sanitizer sees each byte that is read beyond it.

    Behind bytes stands a zero, behind an array there is room to grow, and ctypes keeps what is short in the object.
    """
    before = bytes(32)
    return memoryview((c_ubyte * (len(before) + len(data))).from_buffer_copy(before + data))[len(before) :]


class Undecided:
    """Says neither yes nor no."""

    def __bool__(self) -> bool:
        raise ZeroDivisionError("not to be asked")


@pytest.mark.parametrize(
    "arguments",
    [(), (b"",), (b"", True, True), ("text", True), (None, True), (7, True), ([1, 2], True), (True, b"")],
    ids=repr,
)
def test_what_is_no_buffer_and_a_flag_is_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError):
        split(*arguments)
    with pytest.raises(TypeError):
        native.split(data=b"", is_mqtt5=True)  # type: ignore[call-arg]


def test_what_the_flag_raises_comes_through_and_the_buffer_is_let_go() -> None:
    data = bytearray(STREAM)
    with pytest.raises(ZeroDivisionError):
        split(data, Undecided())
    data += b"x"


@pytest.mark.parametrize("is_mqtt5", [False, True])
def test_any_contiguous_memory_will_do_and_is_let_go(is_mqtt5: bool) -> None:
    class Bytes(bytes):
        pass

    grows = bytearray(STREAM)
    view = memoryview(grows)
    expected = answer(split_plainly, STREAM, is_mqtt5)
    for data in (grows, view, Bytes(STREAM), array("B", STREAM), memoryview(b"x" + STREAM)[1:]):
        assert answer(split, data, is_mqtt5) == expected
    view.release()
    grows += b"x"  # would be a BufferError while anybody still looked at it
    assert answer(split, b"\xd0\x00" * 3, is_mqtt5) == answer(split, array("H", [0x00D0] * 3), is_mqtt5)


def test_a_refusal_lets_the_buffer_go() -> None:
    torn = bytearray(b"\x32\x01\x00")
    with pytest.raises(ValueError, match="without a topic"):
        split(torn, True)
    torn += b"x"


def test_memory_with_holes_and_memory_that_was_given_back_are_refused() -> None:
    with pytest.raises(BufferError):
        split(memoryview(STREAM)[::2], True)
    released = memoryview(STREAM)
    released.release()
    with pytest.raises(ValueError, match="released"):
        split(released, True)


def test_nothing_at_all_holds_no_packet() -> None:
    for nothing in (b"", bytearray(), memoryview(b""), array("B"), memoryview(array("d"))):
        assert split(nothing, True) == ([], 0)


def test_what_is_found_does_not_change_with_the_buffer() -> None:
    data = bytearray(STREAM)
    found, parsed = split(data, True)
    data[:] = bytes(len(data))
    assert (found, parsed) == split_plainly(STREAM, True)


@pytest.mark.parametrize("is_mqtt5", [False, True])
def test_a_stream_cut_at_every_byte_says_what_the_plain_way_says(is_mqtt5: bool) -> None:
    for begin in range(len(STREAM)):
        for end in range(begin, len(STREAM) + 1):
            piece = STREAM[begin:end]
            assert answer(split, at_the_end(piece), is_mqtt5) == answer(split_plainly, piece, is_mqtt5)


@pytest.mark.parametrize("command", FIRST_BYTES, ids=hex)
def test_a_packet_whose_content_ends_at_every_byte_says_what_the_plain_way_says(command: int) -> None:
    for body in (NAME + b"\x00\x07\x03abc[{}]", NAME + b"\x00\x07\x83\x00abc", b"\xff\xff" + TOPIC, b"\x00\x00" * 6):
        for size, is_mqtt5 in itertools.product(range(len(body) + 1), (False, True)):
            data = bytes([command, size]) + body[:size]
            assert answer(split, at_the_end(data), is_mqtt5) == answer(split_plainly, data, is_mqtt5)


@pytest.mark.parametrize("first", [0x30, 0x32, 0x40])
def test_all_lengths_of_a_small_world_say_what_the_plain_way_says(first: int) -> None:
    for length in range(6):
        for rest in itertools.product([0x00, 0x01, 0x02, 0x7F, 0x80, 0x81, 0xFF], repeat=length):
            data = bytes([first, *rest])
            for is_mqtt5 in (False, True):
                assert answer(split, data, is_mqtt5) == answer(split_plainly, data, is_mqtt5)


@pytest.mark.parametrize("size", [0, 127, 128, 16_383, 16_384, MOST_BYTES, MOST_BYTES + 1, 2**28 - 1])
def test_every_length_is_waited_for_or_refused(size: int) -> None:
    encoded = bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21])
    data = b"\x32" + encoded
    assert answer(split, data, True) == answer(split_plainly, data, True)
    expected: object = ValueError if size > MOST_BYTES or size == 0 else ([], 0)
    assert answer(split, data, True) == expected


@pytest.mark.usefixtures("collecting_always")
def test_a_collection_at_every_object_changes_nothing() -> None:
    for _ in range(50):
        assert split(STREAM, True) == split_plainly(STREAM, True)
        assert answer(split, STREAM + b"\x32\x01\x00", True) is ValueError


def test_it_keeps_nothing(keeps_nothing: KeepsNothing) -> None:
    torn, endless = STREAM + b"\x32\x02\x00\x05", STREAM + b"\x32\xff\xff\xff\xff"
    keeps_nothing(100_000, split, STREAM, True)
    for data in (STREAM[:-3], torn, endless, bytearray(torn), "text", memoryview(STREAM)[::2]):
        keeps_nothing(10_000, split, data, True)
    keeps_nothing(10_000, split, STREAM, "yes", 3)
