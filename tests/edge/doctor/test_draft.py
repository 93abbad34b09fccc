"""A draft is a profile: the edge reads it without complaint, and reads the device with it."""

from pathlib import Path

import msgspec
import pytest

from siloscope_edge import profile_files
from siloscope_edge.doctor.clues import Clue
from siloscope_edge.doctor.draft import draft
from siloscope_edge.doctor.findings import Findings
from siloscope_edge.doctor.ranking import rank
from siloscope_edge.doctor.survey import Questions, survey
from siloscope_edge.drivers.modbus.profile import ModbusProfile
from siloscope_edge.drivers.modbus.registers import decoder_for
from tests.edge.doctor.simulated_bus import QuickClock, Registers, SimulatedBus

FLOAT = {0: 0x3333, 1: 0x41BB}  # 23.4, low word first
WORDS = {**FLOAT, 2: 651, 3: 0, 4: 0x8000, 5: 0xFF9B}


async def surveyed(*clues: Clue, tables: dict[int, dict[int, int]] | None = None) -> Findings:
    clock = QuickClock()
    bus = SimulatedBus(clock, {7: Registers(tables or {3: WORDS}, most=4)})
    found = await survey(bus, Questions(units=(7,), clues=clues), clock, within_s=600)
    found.line = {"modbus_rtu": {"port": "/dev/ttyUSB0", "baud": 9600, "parity": "N", "stop_bits": 1}}
    return found


def read(text: str, directory: Path) -> ModbusProfile:
    file = directory / "unit-7.yaml"
    file.write_text(text)
    profile = profile_files.read(file)
    assert isinstance(profile, ModbusProfile)
    return profile


async def test_what_was_guessed_becomes_channels(tmp_path: Path) -> None:
    found = await surveyed(Clue("temperature", "23.4"), Clue("relative_humidity", "65.1", 3))
    text = draft(found, found.devices[0], "unit-7")
    profile = read(text, tmp_path)
    assert [(each.key, each.unit) for each in profile.channels] == [
        ("temperature", "Cel"),
        ("relative_humidity", "%RH"),
    ]
    temperature, humidity = profile.channels
    assert (temperature.type, temperature.byte_order, temperature.address) == ("float32", "CDAB", 0)
    assert decoder_for(temperature)(bytes.fromhex("333341bb")).value == pytest.approx(23.4, abs=1e-5)
    assert decoder_for(humidity)((651).to_bytes(2)).value == pytest.approx(65.1)
    assert profile.limits.registers_per_request == 4
    assert text.count("# guess: ") == 2
    assert "modbus_rtu: {port: /dev/ttyUSB0, baud: 9600" in text


async def test_without_a_clue_the_words_stand_as_they_are(tmp_path: Path) -> None:
    found = await surveyed(tables={3: WORDS, 1: {0: 1, 1: 0}})
    profile = read(draft(found, found.devices[0], "unit-7"), tmp_path)
    assert [(each.key, each.type) for each in profile.channels] == [
        ("holding-0", "uint16"),
        ("holding-1", "uint16"),
        ("holding-2", "uint16"),
        ("holding-5", "int16"),
        ("coil-0", "bit"),
        ("coil-1", "bit"),
    ]
    assert {each.quantity for each in profile.channels} == {"dimensionless"}


async def test_a_device_full_of_zeros_still_has_a_profile(tmp_path: Path) -> None:
    found = await surveyed(tables={4: {0: 0, 1: 0}})
    assert len(read(draft(found, found.devices[0], "unit-7"), tmp_path).channels) == 1


async def test_two_clues_of_one_quantity_have_keys_of_their_own(tmp_path: Path) -> None:
    found = await surveyed(Clue("temperature", "65.1"), Clue("temperature", "-10.1", 5))
    profile = read(draft(found, found.devices[0], "unit-7"), tmp_path)
    assert [each.key for each in profile.channels] == ["temperature", "temperature_2"]


async def test_an_unpointed_guess_that_is_open_is_a_remark_not_a_channel(tmp_path: Path) -> None:
    found = await surveyed(Clue("current"), tables={3: {0: 689}})
    ranking = found.devices[0].rankings[0]
    assert ranking.verdict == "open"
    text = draft(found, found.devices[0], "unit-7")
    assert "# current: these readings do not settle it" in text
    assert all(each.quantity == "dimensionless" for each in read(text, tmp_path).channels)


async def test_every_way_that_ranks_can_be_written_down(tmp_path: Path) -> None:
    """BCD alone cannot, and is left to the next."""
    found = await surveyed()
    device = found.devices[0]
    cases = [
        (Clue("temperature", "-5.3", 1), {1: [10053, 10053]}),
        (Clue("temperature", "23.5", 1), {1: [743, 743]}),
        (Clue("count", "1234", 1), {1: [0x1234, 0x1234]}),
        (Clue("", "23.4", 0), {at: [word] for at, word in FLOAT.items()}),
        (Clue("temperature", "21.5", 0), {0: [0x2B32, 0x2B32], 1: [0x312E, 0x312E], 2: [0x3500, 0x3500]}),
    ]
    for clue, words in cases:
        device.rankings = [rank(clue, {"holding": words})]
        read(draft(found, device, "unit-7"), tmp_path)


async def test_names_that_a_device_gives_itself_break_nothing(tmp_path: Path) -> None:
    found = await surveyed()
    device = msgspec.structs.replace(found.devices[0], identity={"product": 'TH "1": #x\n- y'})
    assert read(draft(found, device, "unit-7"), tmp_path).title == 'TH "1": #x\n- y'
