"""Lines as published, read whole or not at all."""

import pytest

from siloscope_contract.quality import Quality
from siloscope_edge.checksums import crc16_modbus, crc_sdi12, xor_hex
from siloscope_edge.drivers.ascii.lines import Reader, body_of
from siloscope_edge.drivers.ascii.profile import AsciiProfile, Frame, LineChannel, Message
from siloscope_edge.errors import ReadFailed, Trouble
from siloscope_edge.profile_files import catalogue, read
from siloscope_edge.readings import Reading

GILL = b"\x02A,235,000.77,M,00,\x0316\r\n"
GILL_FAULT = b"\x02A,,,M,04,\x0324\r\n"
MDA = b"$WIMDA,30.2269,I,1.0236,B,17.7,C,,,43.3,,5.0,C,131.5,T,128.6,M,0.8,N,0.4,M*54\r\n"
NMEA = Frame(start="$", stop="*", checksum="nmea")
STX_ETX = Frame(start="\x02", stop="\x03", checksum="xor")


def shipped(name: str) -> AsciiProfile:
    found = read(catalogue()[name])
    assert isinstance(found, AsciiProfile)
    return found


def told(profile: AsciiProfile, line: bytes, address: str = "") -> dict[str, Reading]:
    reader = Reader(profile, address or profile.address)
    heard = reader.message_of(line)
    assert heard is not None
    return {profile.channels[at].key: reading for at, reading in reader.readings(*heard).items()}


def test_the_published_checksums() -> None:
    assert xor_hex(b"A,,,M,04,") == "24"
    assert body_of(GILL_FAULT, STX_ETX) == "A,,,M,04,"
    assert body_of(MDA, NMEA).startswith("WIMDA,30.2269")


def test_the_published_mda_sentence_gives_its_readings() -> None:
    found = {key: reading.value for key, reading in told(shipped("nmea-weather"), MDA).items()}
    assert found == {
        "pressure": 1023.6,
        "temperature": 17.7,
        "humidity": 43.3,
        "dew_point": 5.0,
        "wind_direction": 131.5,
        "wind_speed": 0.4,
    }


def test_a_gill_line_gives_its_readings_in_any_of_its_units() -> None:
    assert told(shipped("gill-windsonic"), framed("A,235,000.77,M,00,"), "A") == {
        "wind_direction": Reading(235, 0),
        "wind_speed": Reading(0.77, 0),
    }
    assert told(shipped("gill-windsonic"), framed("A,235,010.00,N,00,"), "A")["wind_speed"].value == 5.14


def test_a_gill_fault_frame_has_no_values() -> None:
    found = told(shipped("gill-windsonic"), GILL_FAULT, "A")
    assert {reading.quality for reading in found.values()} == {int(Quality.DEVICE_EXCEPTION)}


def test_a_maximet_line_gives_its_readings_and_another_report_is_refused() -> None:
    profile = shipped("gill-maximet")
    line = framed("Q,181,001.32,1016.5,041,-002.9,-014.1,+12.1,0000,")
    assert {key: reading.value for key, reading in told(profile, line).items()} == {
        "wind_direction": 181,
        "wind_speed": 1.32,
        "pressure": 1016.5,
        "humidity": 41,
        "temperature": -2.9,
        "dew_point": -14.1,
        "supply": 12.1,
    }
    with pytest.raises(ReadFailed, match="9 fields instead of 10"):
        told(profile, framed("Q,181,001.32,1016.5,041,-002.9,+12.1,0000,"))


def test_a_calm_wind_has_no_direction() -> None:
    found = told(shipped("gill-windsonic"), framed("A,,000.02,M,00,"), "A")
    assert found["wind_direction"].quality == Quality.SENSOR_MISSING
    assert found["wind_speed"].value == 0.02


def framed(body: str) -> bytes:
    return f"\x02{body}\x03{xor_hex(body.encode())}\r\n".encode()


@pytest.mark.parametrize(
    ("frame", "behind"),
    [
        (Frame(checksum="xor", stop="*"), lambda body: f"*{xor_hex(body)}"),
        (Frame(checksum="crc16_modbus"), lambda body: f"{crc16_modbus(body):04X}"),
        (Frame(checksum="crc16_modbus_low_first"), lambda body: crc16_modbus(body).to_bytes(2, "little").hex()),
        (Frame(checksum="sdi12"), crc_sdi12),
        (Frame(), lambda body: ""),
    ],
)
def test_each_kind_of_checksum_is_taken_off_and_a_wrong_one_refused(frame: Frame, behind: object) -> None:
    body = b"T,21.5,H,60"
    assert callable(behind)
    line = body + behind(body).encode() + b"\r\n"
    assert body_of(line, frame) == body.decode()
    if frame.checksum == "none":
        return
    with pytest.raises(ReadFailed) as refused:
        body_of(line.replace(b"21.5", b"21.6"), frame)
    assert refused.value.trouble is Trouble.WRONG_CHECKSUM


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        (b"A,235,000.77,M,00,\x0316\r\n", Trouble.SHORT_FRAME),  # begins in the middle
        (b"\x02A,235,000.77,M,00,\r\n", Trouble.SHORT_FRAME),
        (b"\x02\xff,235\x0300\r\n", Trouble.NOISE),
        (b"\x0216\r\n", Trouble.SHORT_FRAME),
        (b"\r\n", Trouble.SHORT_FRAME),
    ],
)
def test_a_torn_line_is_refused_whole(line: bytes, trouble: Trouble) -> None:
    with pytest.raises(ReadFailed) as refused:
        body_of(line, STX_ETX)
    assert refused.value.trouble is trouble


@pytest.mark.parametrize("body", ["A,235,000.77,M,00", "A,235,0x1,M,00,", "A,235,000.77,X,00,", "A,nan,000.77,M,00,"])
def test_a_line_with_a_sound_frame_and_strange_fields_is_refused_whole(body: str) -> None:
    profile = shipped("gill-windsonic")
    with pytest.raises(ReadFailed):
        told(profile, framed(body), "A")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"0R2 Ta=22.5C Ua=45.1P\r\n", 22.5),
        (b"0R2 Ta=-4 C\r\n", None),  # the blank makes it a field of its own
        (b"0R2 Ta=72.5F\r\n", None),
        (b"0R2 Ta=22.5#\r\n", None),
        (b"0R2 Ta=22.5\r\n", None),
    ],
)
def test_a_unit_may_stand_right_behind_its_value(line: bytes, value: float | None) -> None:
    channel = LineChannel(key="t", quantity="temperature", unit="Cel", field="Ta", units={"C": 1.0})
    profile = AsciiProfile(
        profile="probe",
        title="",
        frame=Frame(separator=" "),
        messages=(Message("air", query="R2", match={0: "0R2"}),),
        channels=(channel,),
    )
    if value is None:
        with pytest.raises(ReadFailed):
            told(profile, line)
    else:
        assert told(profile, line) == {"t": Reading(value, 0)}


def test_a_named_field_that_is_not_there_is_missing() -> None:
    channel = LineChannel(key="t", quantity="temperature", unit="Cel", field="Tb", missing=("-9999",))
    profile = AsciiProfile(profile="probe", title="", messages=(Message("air"),), channels=(channel,))
    for line in (b"Ta=1.0\r\n", b"Tb=\r\n", b"Tb=-9999\r\n"):
        assert told(profile, line)["t"].quality == Quality.SENSOR_MISSING
    assert told(profile, b"Ta=1, Tb = -1.5\r\n")["t"] == Reading(-1.5, 0)


def test_noise_before_the_start_is_dropped() -> None:
    assert body_of(b"\xff"[:0] + b"xx" + MDA, NMEA).startswith("WIMDA")


def test_a_sound_line_of_another_kind_is_nobodys() -> None:
    body = "GPGLL,4916.45,N,12311.12,W"
    line = f"${body}*{xor_hex(body.encode())}\r\n".encode()
    assert Reader(shipped("nmea-weather"), "").message_of(line) is None
    assert Reader(shipped("gill-windsonic"), "B").message_of(framed("A,235,000.77,M,00,")) is None
