"""Every published frame of the simulated instruments, byte by byte."""

import pytest

from siloscope_firmware_sim.instruments.r4dcb08 import R4dcb08
from siloscope_firmware_sim.instruments.sdm120 import Mains, Sdm120
from siloscope_firmware_sim.instruments.senseair_s8 import SenseairS8
from siloscope_firmware_sim.instruments.xy_md02 import Air, XyMd02
from siloscope_firmware_sim.modbus.bus import SerialBus, Slave

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
