"""The two-wire bus: who answers, who stays silent, what a collision looks like."""

from siloscope_firmware_sim.instruments.r4dcb08 import R4dcb08
from siloscope_firmware_sim.instruments.senseair_s8 import SenseairS8
from siloscope_firmware_sim.modbus.bus import SerialBus
from siloscope_firmware_sim.modbus.checksum import intact, sealed
from siloscope_firmware_sim.modbus.framing import RequestBuffer, silence_s

READ_ONE = sealed(bytes.fromhex("010300000001"))


def head(unit_id: int) -> R4dcb08:
    return R4dcb08(unit_id, lambda: [20.0 + unit_id])


def bus(*unit_ids: int) -> SerialBus:
    return SerialBus([head(unit_id) for unit_id in unit_ids], baud=9600)


def test_a_wrong_checksum_is_met_with_silence() -> None:
    assert bus(1).exchange(READ_ONE[:-1] + bytes((READ_ONE[-1] ^ 1,))) is None


def test_another_unit_id_is_met_with_silence() -> None:
    assert bus(2, 3).exchange(READ_ONE) is None


def test_a_scrap_of_a_frame_is_met_with_silence() -> None:
    assert [bus(1).exchange(READ_ONE[:length]) for length in range(len(READ_ONE))] == [None] * len(READ_ONE)


def test_an_unknown_function_gets_illegal_function() -> None:
    answer = bus(1).exchange(sealed(bytes.fromhex("012B0E0100")))

    assert answer is not None
    assert answer.frame == sealed(bytes.fromhex("01AB01"))


def test_an_address_outside_the_map_gets_illegal_address() -> None:
    beside, across = (bus(1).exchange(sealed(bytes.fromhex(text))) for text in ("010300100001", "010300080020"))

    assert beside is not None
    assert across is not None
    assert beside.frame == across.frame == sealed(bytes.fromhex("018302"))


def test_an_impossible_count_gets_illegal_value() -> None:
    for count in (0, 126):
        answer = bus(1).exchange(sealed(bytes.fromhex("01030000") + count.to_bytes(2)))

        assert answer is not None
        assert answer.frame == sealed(bytes.fromhex("018303"))


def test_an_answer_takes_the_time_that_its_bytes_need_on_the_wire() -> None:
    slow = SerialBus([R4dcb08(1, lambda: [1.0], baud=1200)], baud=1200, turnaround_s=0.0)
    answer = slow.exchange(READ_ONE)

    assert answer is not None
    assert answer.after_s == (8 + 7) * 11 / 1200


def test_two_slaves_with_one_address_break_each_others_answer() -> None:
    twins = SerialBus([R4dcb08(1, lambda: [21.9]), R4dcb08(1, lambda: [18.4])], baud=9600)
    answer = twins.exchange(READ_ONE)

    assert answer is not None
    assert not intact(answer.frame)


def test_a_broadcast_is_obeyed_by_all_and_answered_by_none() -> None:
    pair = bus(1, 2)

    assert pair.exchange(sealed(bytes.fromhex("000600080014"))) is None
    answers = [pair.exchange(sealed(bytes((unit_id,)) + bytes.fromhex("0300080001"))) for unit_id in (1, 2)]
    assert [answer.frame[3:5] if answer else b"" for answer in answers] == [b"\0\x14", b"\0\x14"]


def test_a_head_tells_its_unit_id_to_the_address_255() -> None:
    answer = bus(7).exchange(sealed(bytes.fromhex("FF0300FE0001")))

    assert answer is not None
    assert answer.frame == sealed(bytes.fromhex("FF03020007"))
    assert bus(7).exchange(sealed(bytes.fromhex("FF0300000001"))) is None


def test_a_new_unit_id_is_used_from_the_next_request_on() -> None:
    one = bus(1)

    assert one.exchange(sealed(bytes.fromhex("010600FE0009"))) is not None
    assert one.exchange(READ_ONE) is None
    assert one.exchange(sealed(bytes.fromhex("090300000001"))) is not None


def test_a_wake_byte_before_a_request_is_dropped() -> None:
    sensor = SerialBus([SenseairS8(lambda: 400.0)], baud=9600)

    assert sensor.exchange(b"\0" + sealed(bytes.fromhex("FE0400030001"))) is not None


def test_a_head_in_auto_report_speaks_unasked() -> None:
    one = bus(1)
    one.exchange(sealed(bytes.fromhex("010600FD0002")))

    frames = [one.spontaneous(0.5) for _ in range(8)]

    assert [len(each) for each in frames] == [0, 0, 0, 1, 0, 0, 0, 1]
    assert frames[3][0] == sealed(bytes.fromhex("010310" + "00D2" + "8000" * 7))


def test_a_request_is_taken_as_soon_as_it_is_whole() -> None:
    buffer = RequestBuffer()

    assert buffer.feed(READ_ONE[:3]) is None
    assert buffer.feed(READ_ONE[3:]) == READ_ONE
    assert buffer.end() == b""


def test_a_scrap_before_silence_does_not_spoil_the_next_request() -> None:
    buffer = RequestBuffer()
    buffer.feed(b"\x55\xaa")

    assert buffer.end() == b"\x55\xaa"
    assert buffer.feed(READ_ONE) == READ_ONE


def test_silence_is_three_and_a_half_characters_but_fixed_above_19200_baud() -> None:
    assert silence_s(9600) == 3.5 * 11 / 9600
    assert silence_s(115_200) == 0.00175
