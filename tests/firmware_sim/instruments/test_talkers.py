"""What the instruments that are not Modbus say is what their makers publish."""

import pytest

from siloscope_firmware_sim.instruments.davis_vantage import DavisVantage, Seen
from siloscope_firmware_sim.instruments.line_talkers import Air, GillWindsonic, NmeaWeather, Wind
from siloscope_firmware_sim.instruments.sdi12_adapter import Sdi12Adapter

PUBLISHED_LOOP2 = bytes.fromhex(
    "4c4f4f0001ff7fc674e00236130200ff32010000000000003b01ff7fff7f2500ff36ff34003500ff000000ffff7f0000ffff"
    "00000000000000000000020000dfff886c886cdf74ff0116000314051029140808ff7fff7fff7fff7fff7fff7f0a0db9e0"
)
SEEN = Seen(29.894, 73.6, 54, 53.1, 54, 0, 306, 37)
AIR = Air(1023.6, 17.7, 43.3, 5.0, Wind(131.5, 0.4))


def test_a_console_wakes_and_says_what_the_published_packet_says_where_it_matters() -> None:
    console = DavisVantage(lambda: SEEN)
    assert console.feed(b"\n") == b"\n\r"
    answer = console.feed(b"LPS 2 1\n")
    assert (answer[:1], len(answer)) == (b"\x06", 100)
    for places in (
        slice(0, 5),
        slice(7, 15),
        slice(16, 18),
        slice(30, 32),
        slice(33, 34),
        slice(41, 43),
        slice(95, 97),
    ):
        assert answer[1:][places] == PUBLISHED_LOOP2[places]


def test_a_console_answers_in_pieces_sleeps_and_refuses() -> None:
    console = DavisVantage(lambda: SEEN, knows_loop2=False, naps=2)
    assert [console.feed(b"\n") for _ in range(3)] == [b"", b"", b"\n\r"]
    assert console.feed(b"LOO") == b""
    assert len(console.feed(b"P 2\n")) == 1 + 2 * 99
    assert console.feed(b"LPS 2 1\n") == b"\x21"
    assert console.feed(b"WHAT\n") == b"\x21"


def test_an_anemometer_says_the_published_fault_frame() -> None:
    broken = GillWindsonic(lambda: Wind(None, None), letter="A")
    assert broken.unasked(0.5) == b""
    assert broken.unasked(0.5) == b"\x02A,,,M,04,\x0324\r\n"


def test_a_polled_anemometer_speaks_when_it_is_called() -> None:
    polled = GillWindsonic(lambda: Wind(235, 0.77), letter="A", polled=True)
    assert polled.unasked(10) == b""
    assert polled.feed(b"B") == b""
    assert polled.feed(b"A") == b"\x02A,235,000.77,M,00,\x030A\r\n"


def test_the_published_mda_sentence_comes_out() -> None:
    said = NmeaWeather(lambda: AIR).unasked(1.0)
    assert b"$WIMDA,30.2269,I,1.0236,B,17.7,C,,,43.3,,5.0,C,131.5,T,131.5,M,0.8,N,0.4,M*" in said
    assert b"$WIMWV,131.5,R,0.4,M,A*" in said


def test_what_an_nmea_instrument_cannot_tell_is_an_empty_field_and_no_zero() -> None:
    blind = NmeaWeather(lambda: Air(None, None, None, None, Wind(None, None))).unasked(1.0)
    assert b"$WIMDA,,I,,B,,C,,,,,,C,,T,,M,,N,,M*" in blind
    assert b"$WIMWV,,R,,M,V*" in blind
    calm = NmeaWeather(lambda: Air(1023.6, -0.0, 43.3, 5.0, Wind(None, 0.0))).unasked(1.0)
    assert b"$WIMWV,,R,0.0,M,A*" in calm


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"0!", b"0\r\n"),
        (b"0MC!", b"00003\r\n"),
        (b"0D0!", b"0+3.14+2.718+1.414Ipz\r\n"),
        (b"0C!", b"000003\r\n"),
        (b"0R0!", b"0+3.14+2.718+1.414\r\n"),
        (b"5M!", b""),
        (b"0X!", b""),
    ],
)
def test_an_sdi12_sensor_answers_as_published(command: bytes, answer: bytes) -> None:
    adapter = Sdi12Adapter({"0": lambda: [3.14, 2.718, 1.414]})
    adapter.feed(b"0MC!")
    assert adapter.feed(command) == answer
