"""The answer is found among what a two-wire bus delivers, and what stood around it is named."""

import pytest

from siloscope_edge.checksums import crc16_modbus
from siloscope_edge.drivers.modbus.frames import Expected, answer_in, expected_after, trouble_with
from siloscope_edge.errors import Trouble

REQUEST = bytes.fromhex("010300000001840A")
ANSWER = bytes.fromhex("01030200DBF81F")
EXCEPTION = bytes.fromhex("018302C0F1")
OTHER = bytes.fromhex("0104020131" + "7974")  # another function of the same unit
REPORT = bytes.fromhex("010310" + "00DB" * 8)
REPORT += crc16_modbus(REPORT).to_bytes(2, "little")
FOREIGN = bytes.fromhex("FE04020190ACD8")


def expected() -> Expected:
    found = expected_after(REQUEST)
    assert found is not None
    return found


def test_the_published_frames_are_sound() -> None:
    for frame in (REQUEST, ANSWER, EXCEPTION, OTHER, FOREIGN):
        assert crc16_modbus(frame) == 0


@pytest.mark.parametrize(
    ("received", "frame", "before"),
    [
        (ANSWER, ANSWER, None),
        (EXCEPTION, EXCEPTION, None),
        (REQUEST + ANSWER, ANSWER, Trouble.ECHO),
        (b"\x00" + ANSWER, ANSWER, Trouble.NOISE),
        (b"\x01\x03\x02\x00" + ANSWER, ANSWER, Trouble.NOISE),  # noise that begins as the answer does
        (REPORT + ANSWER, ANSWER, Trouble.UNSOLICITED),
        (FOREIGN + ANSWER, ANSWER, Trouble.UNSOLICITED),
        (OTHER + ANSWER, ANSWER, Trouble.UNSOLICITED),
        (ANSWER + b"\xff\xff", ANSWER, None),
        (ANSWER[:-1], b"", None),
        (ANSWER[:-1] + b"\x00", b"", None),
        (REQUEST, b"", None),
        (REPORT, b"", None),
        (b"", b"", None),
    ],
)
def test_the_answer_is_found_wherever_it_begins(received: bytes, frame: bytes, before: Trouble | None) -> None:
    assert answer_in(received, expected()) == (frame, before)


@pytest.mark.parametrize(
    ("received", "trouble"),
    [
        (b"", Trouble.NO_ANSWER),
        (REQUEST, Trouble.ECHO),
        (ANSWER[:-1], Trouble.SHORT_FRAME),
        (ANSWER[:-1] + b"\x00", Trouble.WRONG_CHECKSUM),
        (REQUEST + ANSWER[:-1] + b"\x00", Trouble.WRONG_CHECKSUM),
        (EXCEPTION[:-1] + b"\x00", Trouble.WRONG_CHECKSUM),
        (REPORT, Trouble.UNSOLICITED),
        (FOREIGN, Trouble.UNSOLICITED),
        (b"\xff\xfe\xfd", Trouble.NOISE),
    ],
)
def test_what_came_instead_of_an_answer_has_a_name(received: bytes, trouble: Trouble) -> None:
    assert trouble_with(received, expected()) is trouble


def test_bits_come_eight_to_a_byte() -> None:
    coils = expected_after(bytes.fromhex("0101000000093C0C"))
    assert coils is not None
    assert coils.content_bytes == 2


def test_a_write_is_confirmed_by_its_own_frame_which_an_adapter_may_send_back_as_well() -> None:
    request = bytes.fromhex("0106000800140807")  # published: a correction of +2.0, echoed
    plain, echoed = expected_after(request), expected_after(request, echoes=True)
    assert plain is not None
    assert echoed is not None
    assert answer_in(request, plain) == (request, None)
    assert answer_in(request, echoed) == (b"", None)
    assert trouble_with(request, echoed) is Trouble.ECHO
    assert answer_in(request + request, echoed) == (request, Trouble.ECHO)


def test_a_write_of_several_is_confirmed_by_its_beginning() -> None:
    request = bytes.fromhex("110F0013000A02CD01BF0B")  # published: ten coils of a programmable controller
    expected = expected_after(request)
    assert expected is not None
    confirmed = bytes.fromhex("110F0013000A2699")
    assert answer_in(request + confirmed, expected) == (confirmed, Trouble.ECHO)
    assert answer_in(confirmed[:-1], expected) == (b"", None)
    assert trouble_with(confirmed[:-1], expected) is Trouble.SHORT_FRAME


def test_what_is_neither_a_read_nor_a_write_is_expected_nowhere() -> None:
    assert expected_after(bytes.fromhex("0108000000000000")) is None
