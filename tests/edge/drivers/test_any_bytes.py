"""Whatever bytes come, a parser refuses by name or gives what a sound frame says; it never does anything else."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from siloscope_edge.checksums import crc16_modbus, crc_ccitt, crc_sdi12, xor_hex
from siloscope_edge.drivers.ascii.lines import Reader, body_of
from siloscope_edge.drivers.ascii.profile import AsciiProfile, Frame
from siloscope_edge.drivers.davis.packets import taken
from siloscope_edge.drivers.davis.packets import values as packet_values
from siloscope_edge.drivers.modbus.frames import answer_in, expected_after, trouble_with
from siloscope_edge.drivers.sdi12.lines import started
from siloscope_edge.drivers.sdi12.lines import values as sdi12_values
from siloscope_edge.drivers.wxt.lines import fields
from siloscope_edge.errors import ReadFailed
from siloscope_edge.profile_files import catalogue, read
from tests.edge.drivers.davis.test_packets import LOOP2

REQUEST = expected_after(bytes.fromhex("010300000001840A"))
FRAMES = [Frame(start="\x02", stop="\x03", checksum="xor"), Frame(checksum="sdi12"), Frame(checksum="crc16_modbus")]
PROFILES = [read(catalogue()[name]) for name in ("gill-windsonic", "nmea-weather", "nmea-wind")]
TEXT = st.text("0123456789+-.,$*AVRTMNCIBWDxé\x02\x03 \r\n", max_size=120).map(lambda text: text.encode("utf-8"))
BODIES = st.text("0123456789+-.,AMNQW0", max_size=60)


@given(st.binary(max_size=300))
def test_of_any_bytes_only_a_frame_with_its_checksum_is_an_answer(received: bytes) -> None:
    assert REQUEST is not None
    frame, _ = answer_in(received, REQUEST)
    assert not frame or (frame in received and crc16_modbus(frame) == 0 and frame[0] == 1)
    trouble_with(received, REQUEST)


@given(TEXT)
def test_any_line_is_read_whole_or_refused(line: bytes) -> None:
    for frame in FRAMES:
        with suppress(ReadFailed):
            assert body_of(line, frame).encode() in line
    for profile in PROFILES:
        assert isinstance(profile, AsciiProfile)
        reader = Reader(profile, "A")
        with suppress(ReadFailed):
            if (heard := reader.message_of(line)) is not None:
                reader.readings(*heard)
    with suppress(ReadFailed):
        sdi12_values(line, "0", checked=True)
    with suppress(ReadFailed):
        started(line, "0")
    with suppress(ReadFailed):
        fields(line, "0", "r1")


@given(BODIES)
def test_a_line_with_a_right_checksum_is_read_or_refused(body: str) -> None:
    profile = PROFILES[0]
    assert isinstance(profile, AsciiProfile)
    reader = Reader(profile, "A")
    with suppress(ReadFailed):
        heard = reader.message_of(f"\x02A,{body}\x03{xor_hex(f'A,{body}'.encode())}\r\n".encode())
        if heard is not None:
            for reading in reader.readings(*heard).values():
                assert (reading.value is None) == (reading.quality >= 200)
    for text in (f"0{body}", f"0r1,{body}"):
        line = f"{text}{crc_sdi12(text.encode())}\r\n".encode()
        with suppress(ReadFailed):
            sdi12_values(line, "0", checked=True)
        with suppress(ReadFailed):
            fields(line, "0", "r1")


@given(st.binary(max_size=220))
def test_of_any_bytes_only_a_packet_with_its_checksum_is_one(noise: bytes) -> None:
    buffer = bytearray(noise + LOOP2)
    while (packet := taken(buffer)) is not None:
        with suppress(ReadFailed):
            packet_values(packet, "loop2")
            assert crc_ccitt(packet) == 0


@given(st.binary(min_size=91, max_size=91))
def test_any_sound_packet_has_values_or_none(content: bytes) -> None:
    packet = b"LOO\x00" + b"\x00" + content[:90] + b"\n\r"
    found = packet_values(packet + crc_ccitt(packet).to_bytes(2, "big"), "loop")
    assert all(value is None or abs(value) < 100_000 for value in found.values())
