"""Frames and lines that makers and users of instruments published become the values that they published with them.

None of these instruments stands in our own notes; each has a profile here, written from its manual.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from siloscope_contract.quality import Quality
from siloscope_edge import installation, profile_files
from siloscope_edge.driver_registry import driver_of_line
from siloscope_edge.drivers.modbus.device import ModbusDevice
from siloscope_edge.drivers.modbus.lines import ModbusTcp
from siloscope_edge.drivers.modbus.port import ModbusBus
from siloscope_edge.errors import ReadFailed
from siloscope_edge.instruments import Instrument
from siloscope_firmware_sim.modbus.checksum import sealed
from siloscope_process.clock import SystemClock
from tests.edge.drivers.fake_line import Answer, FakeServer, FakeTerminal, Tally

PROFILES = Path(__file__).parent / "profiles"
Told = dict[str, float | str]

HMP155 = b"\x01HMP155,00\x02 30.31, 22.27,'C,  3.97,  3.97, 12.61,  5.06,N ,0000\x030B7D\r\n"
HMP240 = b"RH= 43.0 %RH T= 21.0 'C Tdp= 8.0 'C x= 6.7 g/kg Tw= 13.7 'C\r\n"


@pytest.fixture
async def terminal() -> AsyncIterator[FakeTerminal]:
    made = FakeTerminal(lambda data: b"")
    yield made
    made.close()


def frames(*pairs: tuple[str, str]) -> Answer:
    """Return an instrument that answers these requests, in hexadecimal, and nothing else."""
    known = {bytes.fromhex(request): bytes.fromhex(answer) for request, answer in pairs}
    return lambda data: known.get(data, b"")


async def told(
    directory: Path, terminal: FakeTerminal, kind: str, profile: str, /, **device: Any
) -> tuple[Told, Tally]:
    """Return what the edge reads from the terminal, by a configuration file."""
    bus = {"name": "bench", kind: {"port": terminal.port}, "devices": [{"name": "it", "profile": profile, **device}]}
    document = {"organisation": "demo", "site": "yard", "node": "pi", "mqtt": {"host": "127.0.0.1"}, "buses": [bus]}
    file = directory / "edge.yaml"
    file.write_text(yaml.safe_dump({**document, "data_directory": "data", "profile_directories": [str(PROFILES)]}))
    found = installation.read(file)
    (instrument,) = found.instruments["bench"]
    driver = driver_of_line(kind)
    assert driver is not None
    tally = Tally()
    port = driver.bus(found.config.buses[0].line, [instrument], SystemClock(), tally)
    await port.open()
    try:
        readings = await port.read(instrument)
    finally:
        port.close()
    channels = instrument.profile.channels
    values: Told = {
        channel.key: reading.value if reading.value is not None else Quality(reading.quality).reason
        for channel, reading in zip(channels, readings, strict=True)
    }
    return values, tally


PZEM = sealed(bytes.fromhex("010414089803E800000898000000000000 01F400640000".replace(" ", ""))).hex()


@pytest.mark.parametrize(
    ("profile", "unit_id", "request_hex", "answer_hex", "expected"),
    [
        # Peacefair, PZEM-014/016 user manual, 2.3 (printed without its CRC)
        (
            "pzem-016",
            1,
            sealed(bytes.fromhex("01040000000A")).hex(),
            PZEM,
            {
                "voltage": 220.0,
                "current": 1.0,
                "power": 220.0,
                "energy": 0.0,
                "frequency": 50.0,
                "power_factor": 1.0,
                "alarm": 0.0,
            },
        ),
        # Circutor, CVM-E3-MINI instruction manual, 7.2.1; the last byte but one of the answer is misprinted there
        ("cvm-e3-mini", 10, "0A040000000270B0", "0A04040000084D86B1", {"voltage_l1": 212.5}),
        # Eastron, SDM630MCT-ML and SDM320Y user manuals, 4.4
        ("sdm630mct", 1, "0104015600029027", "010404436633341B38", {"energy": 230.2}),
        ("sdm630mct-pulse", 1, "0103000C00020408", "01030442C800006FB5", {"pulse_width": 0.1}),
        # Renogy, ROVER MODBUS protocol, example of 0x000A: 24 V and 30 A
        ("renogy-rover", 1, "0103000A0001A408", "010302181E324C", {"rated_voltage": 24.0, "rated_current": 30.0}),
        # MUST PV1800, a user's log (forum.mypower.cz, attachment 35873): 13.7 V, and a machine of kind "PV"
        ("must-inverter", 4, "0403627500018A3D", "0403020089B5E2", {"battery": 13.7}),
        ("must-machine", 4, "04034E20000192BD", "0403025056C87A", {"kind": 1.0}),
        # Vaisala, DMT143 user guide, A.5
        ("dmt143", 240, "F00300060002312B", "F00304F596C0E7D956", {"dew_point": -7.25}),
        # Vaisala, HMP4 user guide M212022EN, A.5
        ("hmp4", 240, "F00300000002D12A", "F003047AE141F46205", {"humidity": 30.56}),
    ],
)
async def test_modbus_frames(
    tmp_path: Path,
    terminal: FakeTerminal,
    profile: str,
    unit_id: int,
    request_hex: str,
    answer_hex: str,
    expected: Told,
) -> None:
    terminal.answer = frames((request_hex, answer_hex))
    values, tally = await told(tmp_path, terminal, "modbus_rtu", profile, unit_id=unit_id)
    assert values == expected
    assert tally == []
    assert terminal.heard == [bytes.fromhex(request_hex)]


async def test_a_modbus_tcp_frame() -> None:
    """Vaisala, Indigo500 user guide, A.5: probe 1 behind the transmitter says 30.56 %RH; a master numbers requests."""

    def answer(data: bytes) -> bytes:
        request, said = bytes.fromhex("00000006F10300000002"), bytes.fromhex("00000007F103047AE141F4")
        return data[:2] + said if data[2:] == request else b""

    server = FakeServer(answer)
    await server.start()
    profile = profile_files.read(PROFILES / "hmp4.yaml")
    instrument = Instrument(ModbusDevice("probe", "hmp4", unit_id=0xF1), profile)
    bus = ModbusBus(ModbusTcp("127.0.0.1", server.port), [instrument], SystemClock(), Tally())
    await bus.open()
    assert [reading.value for reading in await bus.read(instrument)] == [30.56]
    bus.close()
    await server.stop()


async def test_vaisalas_hmp155_with_its_checksum_of_sums(tmp_path: Path, terminal: FakeTerminal) -> None:
    """Vaisala, WID513 User Guide M211676EN-G, example of temperature message 1."""
    terminal.say_soon(HMP155)
    values, _ = await told(tmp_path, terminal, "ascii", "hmp155")
    assert values == {
        "humidity": 30.31,
        "temperature": 22.27,
        "dew_point": 3.97,
        "wet_bulb": 12.61,
        "mixing_ratio": 0.00506,
    }


async def test_a_sum_that_is_wrong_is_no_reading(tmp_path: Path, terminal: FakeTerminal) -> None:
    terminal.say_soon(HMP155.replace(b"30.31", b"30.32"))
    with pytest.raises(ReadFailed) as failure:
        await told(tmp_path, terminal, "ascii", "hmp155")
    assert failure.value.quality is Quality.INVALID_FRAME


async def test_vaisalas_hmp240_without_a_checksum(tmp_path: Path, terminal: FakeTerminal) -> None:
    """Vaisala, HMP240 User's Guide M210300en, appendix 1, command R."""
    terminal.answer = lambda data: HMP240 if data == b"SEND\r" else b""
    values, _ = await told(tmp_path, terminal, "ascii", "hmp240")
    assert values == {
        "humidity": 43.0,
        "temperature": 21.0,
        "dew_point": 8.0,
        "mixing_ratio": 0.0067,
        "wet_bulb": 13.7,
    }


@pytest.mark.parametrize(
    ("profile", "line", "expected"),
    [
        # Gill, WindSonic manual 1405 PS 0019, 9.1
        ("gill-windsonic", b"\x02Q,229,002.74,M,00,\x0316\r\n", {"wind_direction": 229.0, "wind_speed": 2.74}),
        # Airmar PB200 on a mast and on a boat; NASA Clipper: logs of users
        (
            "nmea-weather",
            b"$WIMDA,29.8991,I,1.0125,B,27.9,C,,,48.8,,16.1,C,29.4,T,32.0,M,1.6,N,0.8,M*63\r\n",
            {
                "pressure": 1012.5,
                "temperature": 27.9,
                "humidity": 48.8,
                "dew_point": 16.1,
                "wind_direction": 29.4,
                "wind_speed": 0.8,
            },
        ),
        (
            "nmea-weather",
            b"$WIMDA,29.9286,I,1.0135,B,30.5,C,,,,,,,147.3,T,158.0,M,1.1,N,0.6,M*2F\r\n",
            {
                "pressure": 1013.5,
                "temperature": 30.5,
                "humidity": "sensor_missing",
                "dew_point": "sensor_missing",
                "wind_direction": 147.3,
                "wind_speed": 0.6,
            },
        ),
        ("nmea-wind", b"$WIMWV,56.2,R,1.6,N,A*15\r\n", {"wind_direction": 56.2, "wind_speed": 0.8}),
        ("nmea-wind", b"$WIMWV,350.0,R,16.8,N,A*1A\r\n", {"wind_direction": 350.0, "wind_speed": 8.6}),
        ("nmea-wind", b"$WIMWV,65.0,R,0.0,N,A*10\r\n", {"wind_direction": 65.0, "wind_speed": 0.0}),
    ],
)
async def test_lines_of_wind_and_weather(
    tmp_path: Path, terminal: FakeTerminal, profile: str, line: bytes, expected: Told
) -> None:
    terminal.say_soon(line)
    values, tally = await told(tmp_path, terminal, "ascii", profile)
    assert values == expected
    assert tally == []


async def test_ten_values_of_a_concurrent_sdi12_measurement(tmp_path: Path, terminal: FakeTerminal) -> None:
    """Campbell Scientific, CS451 manual, table D-3: the values of sensor Z."""
    answers = {b"ZC!": b"Z00010\r\n", b"ZD0!": b"Z+1+2+3+4+5+6+7+8+9+10\r\n"}
    terminal.answer = lambda data: answers.get(data, b"")
    values, tally = await told(tmp_path, terminal, "sdi12", "sdi12-ten-values", address="Z")
    assert values == {"first": 1.0, "tenth": 10.0}
    assert tally == []


Harm = Callable[[bytes], bytes]


@pytest.mark.parametrize("harm", [lambda line: line[:-6], lambda line: line[3:], lambda line: line.replace(b"2", b"3")])
async def test_a_published_line_that_is_torn_gives_nothing(tmp_path: Path, terminal: FakeTerminal, harm: Harm) -> None:
    terminal.say_soon(harm(b"\x02Q,229,002.74,M,00,\x0316\r\n"))
    with pytest.raises(ReadFailed):
        async with asyncio.timeout(10):
            await told(tmp_path, terminal, "ascii", "gill-windsonic")
