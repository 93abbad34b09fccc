"""Every published frame of the simulated instruments, byte by byte."""

import pytest

from siloscope_firmware_sim.instruments.r4dcb08 import R4dcb08
from siloscope_firmware_sim.instruments.relay_8ch import Relay8ch
from siloscope_firmware_sim.instruments.sdm120 import Mains, Sdm120
from siloscope_firmware_sim.instruments.senseair_s8 import SenseairS8
from siloscope_firmware_sim.instruments.xy_md02 import Air, XyMd02
from siloscope_firmware_sim.modbus.bus import SerialBus, Slave
from siloscope_firmware_sim.modbus.checksum import sealed

HEAD = R4dcb08(1, lambda: [21.9, None, -3.25])
AIR = XyMd02(1, lambda: Air(30.5, 48.2))
CO2 = SenseairS8(lambda: 400.0)
METER = Sdm120(1, lambda: Mains(230.20001220703125, 5.5, 1210.0, 50.0, 341.25))  # 4366 3334, a step above 230.2


def asked(slave: Slave, request: str) -> str | None:
    answer = SerialBus([slave], baud=9600).exchange(bytes.fromhex(request))
    return None if answer is None else answer.frame.hex(" ").upper()


@pytest.mark.parametrize(
    ("slave", "request_frame", "answer"),
    [
        (HEAD, "01 03 00 00 00 01 84 0A", "01 03 02 00 DB F8 1F"),
        (AIR, "01 04 00 01 00 01 60 0A", "01 04 02 01 31 79 74"),
        (METER, "01 04 00 00 00 02 71 CB", "01 04 04 43 66 33 34 1B 38"),
        (CO2, "FE 04 00 03 00 01 D5 C5", "FE 04 02 01 90 AC D8"),
    ],
)
def test_a_published_request_gets_the_published_answer(slave: Slave, request_frame: str, answer: str) -> None:
    assert asked(slave, request_frame) == answer


def test_both_values_of_the_air_transmitter_come_in_one_read() -> None:
    assert asked(AIR, "01 04 00 01 00 02 20 0B") == "01 04 04 01 31 01 E2 2A 6E"


def test_a_write_of_a_correction_is_echoed_and_moves_the_reading() -> None:
    head = R4dcb08(1, lambda: [21.9])

    assert asked(head, "01 06 00 08 00 14 08 07") == "01 06 00 08 00 14 08 07"
    assert asked(head, "01 03 00 00 00 01 84 0A") == "01 03 02 00 EF F9 C8"


def test_relays_are_switched_and_read_by_published_frames() -> None:
    board = Relay8ch(1)
    assert asked(board, "01 05 00 00 FF 00 8C 3A") == "01 05 00 00 FF 00 8C 3A"  # relay 1 on
    assert asked(board, "01 05 00 01 FF 00 DD FA") == "01 05 00 01 FF 00 DD FA"  # relay 2 on
    assert asked(board, "01 01 00 00 00 08 3D CC") == "01 01 01 03 11 89"
    assert asked(board, "01 05 00 00 00 00 CD CA") == "01 05 00 00 00 00 CD CA"  # relay 1 off
    assert asked(board, "01 0F 00 00 00 08 01 FF BE D5") == "01 0F 00 00 00 08 54 0D"  # all on
    assert (board.on, board.moves) == ([True] * 8, 10)
    board.lose_power()
    assert asked(board, "01 01 00 00 00 08 3D CC") == "01 01 01 00 51 88"


@pytest.mark.parametrize(
    ("request_frame", "code"),
    [
        ("01 05 00 08 FF 00", 2),  # a ninth relay
        ("01 05 00 00 12 34", 3),  # neither on nor off
        ("01 0F 00 00 00 09 02 FF 01", 2),
        ("01 0F 00 00 00 08 02 FF 00", 3),
        ("01 0F 00 00 00 00 00", 3),
        ("01 01 00 07 00 02", 2),
        ("01 03 00 00 00 01", 1),
    ],
)
def test_what_a_board_of_relays_does_not_have_is_refused(request_frame: str, code: int) -> None:
    board = Relay8ch(1)
    answer = SerialBus([board], baud=9600).exchange(sealed(bytes.fromhex(request_frame)))
    assert answer is not None
    assert answer.frame[1:3] == bytes((bytes.fromhex(request_frame)[1] | 0x80, code))
    assert board.on == [False] * 8
