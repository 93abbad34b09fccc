"""A transmitter's line is read whole or not at all."""

import pytest

from siloscope_contract.quality import Quality
from siloscope_edge.checksums import crc_sdi12
from siloscope_edge.drivers.wxt.lines import command, fields
from siloscope_edge.errors import ReadFailed


def line(body: str) -> bytes:
    return f"{body}{crc_sdi12(body.encode())}\r\n".encode()


def test_the_published_checksums() -> None:
    assert command("0", "r1") == b"0r1Goe\r\n"
    assert command("0", "R2") == b"0r2Gje\r\n"
    assert crc_sdi12(b"0+3.14") == "OqZ"


def test_a_line_gives_values_in_contract_units() -> None:
    found = fields(line("0r1,Dn=236D,Sm=36.0K,Sx=10.0N"), "0", "r1")
    assert found == {"Dn": 236.0, "Sm": pytest.approx(10.0), "Sx": pytest.approx(5.1444444)}
    assert fields(line("0r2,Ta=68.0F,Pa=101325.0P"), "0", "r2") == {"Ta": pytest.approx(20), "Pa": 1013.25}


def test_every_field_of_the_rain_and_supervisor_messages_is_understood() -> None:
    rain = line("0r3,Rc=0.20M,Rd=10s,Ri=1.2M,Hc=0.0M,Hd=0s,Hi=0.0M")
    assert fields(rain, "0", "r3") == {"Rc": 0.2, "Rd": 10, "Ri": 1.2, "Hc": 0, "Hd": 0, "Hi": 0}
    supervisor = line("0r5,Th=25.9C,Vh=12.0N,Vs=15.2V,Vr=3.475V,Id=HEL__")
    assert fields(supervisor, "0", "r5") == {"Th": 25.9, "Vh": 12.0, "Vs": 15.2, "Vr": 3.475}


def test_a_value_called_invalid_is_none() -> None:
    assert fields(line("0r1,Dm=000#,Sm=0.0#"), "0", "r1") == {"Dm": None, "Sm": None}


@pytest.mark.parametrize(
    "torn",
    [
        line("0r1,Dn=0m=032D,Sm=0.1M"),  # torn, yet with a checksum that fits
        line("0r1,Sm=0.1M,Sm=0.2M"),
        line("0r1,Sm=0.1Q"),
        line("0r2,Ta=1.0C"),
        line("1r1,Sm=0.1M"),
        b"0r1,Sm=0.1MAAA\r\n",
        b"0R1,Dm=027D,Sm=0.1M\r\n",
        b"\xff\xfe\r\n",
        b"\r\n",
    ],
)
def test_a_torn_or_foreign_line_is_refused_whole(torn: bytes) -> None:
    with pytest.raises(ReadFailed) as refused:
        fields(torn, "0", "r1")
    assert refused.value.quality is Quality.INVALID_FRAME
    assert refused.value.answered
