"""The 99-byte packets of a Davis Vantage: LOOP and LOOP2. Pure.

Source: Davis Instruments, Vantage Pro, Pro2 and Vue Serial Communication Reference Manual 2.6.1, section X.1 and X.2.
"""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from siloscope_contract.quality import Quality
from siloscope_edge.checksums import crc_ccitt
from siloscope_edge.errors import ReadFailed, Trouble

SIZE = 99
PacketName = Literal["loop", "loop2"]
_HEAD = b"LOO"
_TYPE = 4
_END = b"\n\r"
_END_AT = 95
_TYPES: dict[PacketName, int] = {"loop": 0, "loop2": 1}

Convert = Callable[[int], float]


class Field(Struct, frozen=True):
    """A value in a packet.

    Attributes:
        at: Its first byte.
        size: Bytes, little-endian.
        signed: Two's complement.
        dash: Contents that mean that there is no sensor, or no data yet.
        convert: Makes the field's unit of the raw number.
        unit: That unit, for people.
    """

    at: int
    size: int
    signed: bool
    dash: tuple[int, ...]
    convert: Convert
    unit: str


def _tenth_fahrenheit(raw: int) -> float:
    return (raw / 10 - 32) / 1.8


def _fahrenheit(raw: int) -> float:
    return (raw - 32) / 1.8


def _inches_of_mercury(raw: int) -> float:
    return raw / 1000 * 33.8638866667


def _miles_per_hour(raw: float) -> float:
    return raw * 0.44704


def _tenth_miles_per_hour(raw: int) -> float:
    return raw / 10 * 0.44704


def _console_volts(raw: int) -> float:
    return (raw * 300 >> 9) / 100


def _as_it_is(raw: int) -> float:
    return raw


def _u8(at: int, convert: Convert, unit: str, *dash: int) -> Field:
    return Field(at, 1, False, dash or (0xFF,), convert, unit)


def _u16(at: int, convert: Convert, unit: str, *dash: int) -> Field:
    return Field(at, 2, False, dash or (0xFFFF, 0x7FFF), convert, unit)


def _i16(at: int, convert: Convert, unit: str, *dash: int) -> Field:
    return Field(at, 2, True, dash or (0x7FFF,), convert, unit)


_IN_BOTH = {
    "barometer": _u16(7, _inches_of_mercury, "hPa", 0, 0xFFFF, 0x7FFF),
    "inside_temperature": _i16(9, _tenth_fahrenheit, "°C"),
    "inside_humidity": _u8(11, _as_it_is, "%"),
    "outside_temperature": _i16(12, _tenth_fahrenheit, "°C"),
    "wind_speed": _u8(14, _miles_per_hour, "m/s"),
    "wind_direction": _u16(16, _as_it_is, "°", 0, 0x7FFF, 0xFFFF),
    "outside_humidity": _u8(33, _as_it_is, "%"),
    "rain_rate": _u16(41, _as_it_is, "clicks/h"),
    "uv": _u8(43, lambda raw: raw / 10, "index"),
    "solar": _u16(44, _as_it_is, "W/m²"),
    "day_rain": _u16(50, _as_it_is, "clicks", 0xFFFF),
}

FIELDS: dict[PacketName, dict[str, Field]] = {
    "loop": {
        **_IN_BOTH,
        "wind_speed_10min": _u8(15, _miles_per_hour, "m/s"),
        "month_rain": _u16(52, _as_it_is, "clicks", 0xFFFF),
        "year_rain": _u16(54, _as_it_is, "clicks", 0xFFFF),
        "transmitter_battery": _u8(86, _as_it_is, "bits"),
        "console_battery": _u16(87, _console_volts, "V", 0xFFFF),
    },
    "loop2": {
        **_IN_BOTH,
        "wind_speed_10min": _u16(18, _tenth_miles_per_hour, "m/s"),
        "wind_gust_10min": _u16(22, _as_it_is, "mph"),
        "wind_gust_direction_10min": _u16(24, _as_it_is, "°", 0, 0x7FFF, 0xFFFF),
        "dew_point": _i16(30, _fahrenheit, "°C", 255, 0x7FFF),
    },
}


def taken(buffer: bytearray) -> bytes | None:
    """Take a packet from a buffer, noise before it included; None while none is whole."""
    at = buffer.find(_HEAD)
    if at < 0 or len(buffer) - at < SIZE:
        return None
    packet = bytes(buffer[at : at + SIZE])
    del buffer[: at + SIZE]
    return packet


def values(packet: bytes, name: PacketName) -> dict[str, float | None]:
    """Return a packet's values in the units of `FIELDS`; None where there is no sensor.

    Raises:
        ReadFailed: Its checksum or its end is wrong, or it is of another type.
    """
    if len(packet) != SIZE or crc_ccitt(packet) != 0:
        raise _refused(f"a packet of {len(packet)} bytes whose checksum is wrong", Trouble.WRONG_CHECKSUM)
    if packet[:3] != _HEAD or packet[_END_AT : _END_AT + 2] != _END:
        raise _refused("a packet without LOO and line feed, carriage return", Trouble.WRONG_CONTENT)
    if packet[_TYPE] != _TYPES[name]:
        raise _refused(f"a packet of type {packet[_TYPE]} instead of {_TYPES[name]}", Trouble.WRONG_CONTENT)
    found: dict[str, float | None] = {}
    for key, field in FIELDS[name].items():
        content = packet[field.at : field.at + field.size]
        missing = int.from_bytes(content, "little") in field.dash
        raw = int.from_bytes(content, "little", signed=field.signed)
        found[key] = None if missing else field.convert(raw)
    return found


def _refused(detail: str, trouble: Trouble) -> ReadFailed:
    return ReadFailed(Quality.INVALID_FRAME, detail, answered=True, trouble=trouble)
