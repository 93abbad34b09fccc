"""The registers of the Modbus instruments, asked as a master asks."""

import struct

import pytest

from siloscope_firmware_sim.instruments.r4dcb08 import R4dcb08
from siloscope_firmware_sim.instruments.sdm120 import Mains, Sdm120
from siloscope_firmware_sim.instruments.senseair_s8 import SenseairS8
from siloscope_firmware_sim.instruments.xy_md02 import Air, XyMd02
from siloscope_firmware_sim.modbus.requests import Device, answer


def told(device: Device, request: str) -> str:
    reply = answer(device, bytes.fromhex(request))
    return "silence" if reply is None else reply.hex(" ")


def float_at(meter: Sdm120, address: int) -> float:
    reply = answer(meter, b"\x04" + address.to_bytes(2) + b"\x00\x02")
    assert reply is not None
    value: float = struct.unpack(">f", reply[2:])[0]
    return value


class TestR4dcb08:
    def test_a_missing_probe_reads_8000_whatever_its_correction(self) -> None:
        head = R4dcb08(1, lambda: [None, 20.0])
        told(head, "06 0008 000A")

        assert told(head, "03 0000 0003") == "03 06 80 00 00 c8 80 00"

    def test_frost_is_a_negative_word(self) -> None:
        assert told(R4dcb08(1, lambda: [-10.0625]), "03 0000 0001") == "03 02 ff 9b"

    def test_a_reading_moves_in_the_steps_of_a_ds18b20(self) -> None:
        now = [20.0]
        head, readings = R4dcb08(1, lambda: now), set[str]()
        for step in range(63):
            now[0] = 20.0 + step / 1000
            readings.add(told(head, "03 0000 0001"))

        assert readings == {"03 02 00 c8", "03 02 00 c9"}

    def test_settings_show_what_was_written_and_refuse_nonsense(self) -> None:
        head = R4dcb08(3, lambda: [])

        assert told(head, "03 00FD 0003") == "03 06 00 00 00 03 00 03"
        assert told(head, "06 00FF 0005") == "86 03"
        assert told(head, "06 0000 0001") == "86 02"
        assert told(head, "10 0008 0001 02 0014") == "90 01"


class TestXyMd02:
    def test_corrections_move_both_readings(self) -> None:
        air = XyMd02(1, lambda: Air(-3.0, 99.0))

        assert told(air, "06 0103 FFF6") == "06 01 03 ff f6"
        assert told(air, "06 0104 0064") == "06 01 04 00 64"
        assert told(air, "04 0001 0002") == "04 04 ff d8 03 e8"

    def test_settings_are_holding_registers_and_readings_are_not(self) -> None:
        air = XyMd02(5, lambda: Air(20.0, 50.0))

        assert told(air, "03 0101 0004") == "03 08 00 05 00 00 00 00 00 00"
        assert told(air, "03 0001 0002") == "83 02"
        assert told(air, "04 0000 0001") == "84 02"
        assert told(air, "10 0103 0002 04 0005 FFFB") == "10 01 03 00 02"
        assert told(air, "06 0101 00F8") == "86 03"


class TestSenseairS8:
    def test_status_and_concentration_come_in_one_read(self) -> None:
        assert told(SenseairS8(lambda: 1234.4), "04 0000 0004") == "04 08 00 00 00 00 00 00 04 d2"

    def test_reserved_registers_are_an_illegal_address(self) -> None:
        assert told(SenseairS8(lambda: 400.0), "04 0003 0002") == "84 02"

    def test_a_concentration_beyond_the_range_is_clipped_and_flagged(self) -> None:
        assert told(SenseairS8(lambda: 23_000.0), "04 0000 0004") == "04 08 00 20 00 00 00 00 27 10"

    def test_the_baseline_period_can_be_read_and_set(self) -> None:
        sensor = SenseairS8(lambda: 400.0)

        assert told(sensor, "03 001F 0001") == "03 02 00 b4"
        assert told(sensor, "06 001F 0000") == "06 00 1f 00 00"
        assert told(sensor, "03 001F 0001") == "03 02 00 00"
        assert told(sensor, "06 001F FFFF") == "86 03"

    def test_it_hears_254_and_its_own_address_only(self) -> None:
        sensor = SenseairS8(lambda: 400.0, unit_id=12)

        assert [sensor.hears(unit_id, b"") for unit_id in (254, 12, 1, 255)] == [True, True, False, False]


class TestSdm120:
    METER = Sdm120(1, lambda: Mains(240.5, 10.0, 2100.0, 60.01, 6646.25))

    @pytest.mark.parametrize(
        ("address", "expected"),
        [(0x00, 240.5), (0x06, 10.0), (0x0C, 2100.0), (0x12, 2405.0), (0x1E, 2100 / 2405), (0x46, 60.01)],
    )
    def test_a_value_is_a_single_with_the_high_word_first(self, address: int, expected: float) -> None:
        assert float_at(self.METER, address) == pytest.approx(expected, rel=1e-6)

    def test_energy_stands_in_import_and_total_and_export_is_zero(self) -> None:
        assert [float_at(self.METER, address) for address in (0x48, 0x4A, 0x156)] == [6646.25, 0.0, 6646.25]

    def test_registers_in_between_read_zero_and_the_map_ends(self) -> None:
        assert told(self.METER, "04 0002 0002") == "04 04 00 00 00 00"
        assert told(self.METER, "04 0158 0002") == "84 02"
        assert told(self.METER, "04 0000 0051") == "84 03"

    def test_the_unit_id_is_set_as_a_single(self) -> None:
        meter = Sdm120(1, lambda: Mains(240.0, 0.0, 0.0, 60.0, 0.0))

        assert told(meter, "10 0014 0002 04 40A00000") == "10 00 14 00 02"
        assert [meter.hears(unit_id, b"") for unit_id in (1, 5)] == [False, True]
        assert told(meter, "10 0014 0002 04 3FC00000") == "90 03"
