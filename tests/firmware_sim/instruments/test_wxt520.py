"""The weather transmitter, command by command."""

from dataclasses import replace

import pytest

from siloscope_firmware_sim.instruments.wxt520 import Sky, Wxt520
from siloscope_firmware_sim.modbus.checksum import three_characters

SKY = Sky(
    direction_deg=(236.0, 283.4, 359.6),
    speed_m_s=(0.0, 1.04, 2.2),
    temperature_c=-0.04,
    humidity_pct=64.25,
    pressure_hpa=1013.17,
    rain_mm=12.34,
    rain_s=3725.0,
    rain_rate_mm_h=1.26,
)


def asked(command: str, sky: Sky = SKY) -> str | None:
    answer = Wxt520("0", lambda: sky).answer(command.encode())
    return None if answer is None else answer.decode()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("?", "0"),
        ("0", "0"),
        ("0R1", "0R1,Dn=236D,Dm=283D,Dx=000D,Sn=0.0M,Sm=1.0M,Sx=2.2M"),
        ("0R2", "0R2,Ta=0.0C,Ua=64.2P,Pa=1013.2H"),
        ("0R3", "0R3,Rc=12.34M,Rd=3720s,Ri=1.3M,Hc=0.0M,Hd=0s,Hi=0.0M"),
        ("0R5", "0R5,Th=0.0C,Vh=0.0N,Vs=12.1V,Vr=3.510V,Id=SILO____"),
        ("0XP", "0TX,Unknown cmd error"),
        ("0R4", "0TX,Unknown cmd error"),
        ("1R1", "0TX,Sync/address error"),
        ("0r1yyy", "0tX,Use chksum GoeIU~"),
        ("0r1", "0tX,Use chksum GoeIU~"),
        ("0XU", "0XU,A=0,M=P,T=0,C=2,I=0,B=19200,D=8,P=N,S=1,L=25,N=WXT520,V=2.14"),
    ],
)
def test_a_command_gets_its_answer(command: str, answer: str) -> None:
    assert asked(command) == answer + "\r\n"


@pytest.mark.parametrize(
    ("query", "crc"), [("0r1", "Goe"), ("0r2", "Gje"), ("0r3", "Kid"), ("0r5", "Kcd"), ("0r0", "Kld")]
)
def test_a_query_with_the_published_checksum_is_answered_with_one(query: str, crc: str) -> None:
    answer = asked(query + crc)

    assert answer is not None
    body, check = answer[:-5], answer[-5:-2]
    assert body.startswith(query + ",")
    assert check == three_characters(body.encode()).decode()


def test_the_combined_query_brings_every_message_on_its_own_line() -> None:
    plain, checked = asked("0R"), asked("0rBVT")

    assert plain is not None
    assert checked is not None
    assert [line[:3] for line in plain.splitlines()] == ["0R1", "0R2", "0R3", "0R5"]
    assert [line[:3] for line in checked.splitlines()] == ["0r1", "0r2", "0r3", "0r5"]


def test_the_composite_message_holds_all_in_one_line() -> None:
    answer = asked("0R0")

    assert answer is not None
    assert [field[:2] for field in answer.split(",")[1:]] == [
        *("Dn", "Dm", "Dx", "Sn", "Sm", "Sx", "Ta", "Ua", "Pa", "Rc", "Rd", "Ri", "Hc", "Hd", "Hi", "Th", "Vh")
    ]


def test_an_invalid_value_has_a_hash_for_its_unit() -> None:
    blind = replace(SKY, direction_deg=None, speed_m_s=None, pressure_hpa=None)

    assert asked("0R1", blind) == "0R1,Dn=000#,Dm=000#,Dx=000#,Sn=0.0#,Sm=0.0#,Sx=0.0#\r\n"
    assert asked("0R2", blind) == "0R2,Ta=0.0C,Ua=64.2P,Pa=0.0#\r\n"


def test_with_text_messages_off_an_error_is_met_with_silence() -> None:
    transmitter = Wxt520("0", lambda: SKY)

    assert transmitter.answer(b"0SU,S=N") == b"0SU,S=N\r\n"
    assert [transmitter.answer(command) for command in (b"0XP", b"1R1", b"0r1yyy")] == [None, None, None]
    assert transmitter.answer(b"0R2") is not None


def test_a_reset_of_the_rain_counter_counts_from_zero_and_survives_the_round_s_end() -> None:
    now = [SKY]
    transmitter = Wxt520("0", lambda: now[0])

    def rain() -> str:
        answer = transmitter.answer(b"0R3")
        assert answer is not None
        return answer.decode().split(",")[1]

    assert transmitter.answer(b"0XZRU") == b"0TX,Rain reset\r\n"
    assert rain() == "Rc=0.00M"
    now[0] = replace(SKY, rain_mm=13.0)
    assert rain() == "Rc=0.66M"
    now[0] = replace(SKY, rain_mm=0.5)
    assert rain() == "Rc=0.50M"
