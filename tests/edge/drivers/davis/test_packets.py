"""Packets are read as published, and not at all where they are torn."""

import pytest

from siloscope_edge.checksums import crc_ccitt
from siloscope_edge.drivers.davis.packets import FIELDS, PacketName, taken, values
from siloscope_edge.errors import ReadFailed, Trouble

# A real LOOP2 packet, published with its readings.
LOOP2 = bytes.fromhex(
    "4c4f4f0001ff7fc674e00236130200ff32010000000000003b01ff7fff7f2500ff36ff34003500ff000000ffff7f0000ffff"
    "00000000000000000000020000dfff886c886cdf74ff0116000314051029140808ff7fff7fff7fff7fff7fff7f0a0db9e0"
)


def sealed(content: dict[int, bytes], kind: int = 0) -> bytes:
    """Return a packet with these bytes at these places."""
    packet = bytearray(b"\xff" * 95 + b"\n\r")
    packet[:5] = b"LOO\x00" + bytes([kind])
    for at, data in content.items():
        packet[at : at + len(data)] = data
    return bytes(packet) + crc_ccitt(bytes(packet)).to_bytes(2, "big")


def test_the_published_checksum() -> None:
    assert crc_ccitt(bytes.fromhex("C6CEA203")) == 0xE2B4
    assert crc_ccitt(LOOP2) == 0


def test_the_published_loop2_packet_gives_its_published_readings() -> None:
    found = values(LOOP2, "loop2")
    assert found["barometer"] == pytest.approx(29.894 * 33.8639, abs=0.01)
    assert found["inside_temperature"] == pytest.approx((73.6 - 32) / 1.8)
    assert found["outside_temperature"] == pytest.approx((53.1 - 32) / 1.8)
    assert (found["inside_humidity"], found["outside_humidity"]) == (54, 54)
    assert (found["wind_speed"], found["wind_direction"]) == (0, 306)
    assert found["dew_point"] == pytest.approx((37 - 32) / 1.8)
    assert (found["uv"], found["solar"]) == (None, None)


def test_a_loop_packet_is_read_at_its_own_places() -> None:
    content = {
        7: (29921).to_bytes(2, "little"),
        12: (-105).to_bytes(2, "little", signed=True),
        14: b"\x0a",
        16: (360).to_bytes(2, "little"),
        41: (12).to_bytes(2, "little"),
        50: (7).to_bytes(2, "little"),
        86: b"\x01",
        87: (800).to_bytes(2, "little"),
    }
    found = values(sealed(content), "loop")
    assert found["outside_temperature"] == pytest.approx(-23.611, abs=0.001)
    assert found["wind_speed"] == pytest.approx(4.4704)
    assert (found["wind_direction"], found["rain_rate"], found["day_rain"]) == (360, 12, 7)
    assert (found["transmitter_battery"], found["console_battery"]) == (1, 4.68)
    assert found["barometer"] == pytest.approx(1013.24, abs=0.01)


@pytest.mark.parametrize("name", ["loop", "loop2"])
def test_a_console_without_sensors_has_no_values(name: PacketName) -> None:
    dashes = {field.at: field.dash[0].to_bytes(field.size, "little") for field in FIELDS[name].values()}
    assert set(values(sealed(dashes, kind=1 if name == "loop2" else 0), name).values()) == {None}


@pytest.mark.parametrize(
    ("packet", "trouble"),
    [
        (LOOP2[:-1], Trouble.WRONG_CHECKSUM),
        (LOOP2[:12] + b"\x00" + LOOP2[13:], Trouble.WRONG_CHECKSUM),
        (sealed({}, kind=0), Trouble.WRONG_CONTENT),  # a LOOP packet where a LOOP2 was asked for
        (sealed({95: b"\r\n"}, kind=1), Trouble.WRONG_CONTENT),
    ],
)
def test_a_torn_or_foreign_packet_is_refused_whole(packet: bytes, trouble: Trouble) -> None:
    with pytest.raises(ReadFailed) as refused:
        values(packet, "loop2")
    assert refused.value.trouble is trouble


def test_a_packet_is_found_behind_noise_and_only_when_it_is_whole() -> None:
    buffer = bytearray(b"\x06\xffLO" + LOOP2[:50])
    assert taken(buffer) is None
    buffer += LOOP2[50:] + b"LOO"
    assert taken(buffer) == LOOP2
    assert buffer == b"LOO"


def test_no_field_reaches_beyond_the_packets_content() -> None:
    assert all(field.at + field.size <= 95 for fields in FIELDS.values() for field in fields.values())
