"""A Davis Vantage console: wakes at a line feed, answers LOOP and LPS with packets of 99 bytes.

Source: Davis Instruments, Vantage Pro, Pro2 and Vue Serial Communication Reference Manual 2.6.1.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

_ACK = b"\x06"
_NAK = b"\x21"
_AWAKE = b"\n\r"
_LOOP = re.compile(rb"LOOP (\d+)")
_LPS = re.compile(rb"LPS ([123]) (\d+)")
_DASH_WORD = 0x7FFF
_DASH_BYTE = 0xFF


@dataclass(frozen=True)
class Seen:
    """What a console shows, in its own units; None is a dash."""

    barometer_inhg: float | None = None
    inside_f: float | None = None
    inside_pct: int | None = None
    outside_f: float | None = None
    outside_pct: int | None = None
    wind_mph: int | None = None
    direction_deg: int | None = None
    dew_point_f: int | None = None
    rain_clicks: int = 0
    rain_clicks_h: int = 0
    solar_w_m2: int | None = None


class DavisVantage:
    """One console.

    Args:
        seen: Returns what it shows.
        knows_loop2: Whether its firmware knows LPS.
        naps: How many line feeds it sleeps through after each time that it fell asleep.
    """

    def __init__(self, seen: Callable[[], Seen], *, knows_loop2: bool = True, naps: int = 0) -> None:
        self._seen = seen
        self._knows_loop2 = knows_loop2
        self._naps = naps
        self._slept_through = 0
        self._bytes = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Take what came, and return what is answered at once."""
        self._bytes += data
        *lines, rest = bytes(self._bytes).split(b"\n")
        self._bytes = bytearray(rest[-32:])
        return b"".join(self._obey(line.strip()) for line in lines)

    def unasked(self, elapsed_s: float) -> bytes:
        return b""

    def _obey(self, command: bytes) -> bytes:
        if not command:
            self._slept_through += 1
            return _AWAKE if self._slept_through > self._naps else b""
        self._slept_through = 0
        if match := _LOOP.fullmatch(command):
            return _ACK + b"".join(self._packet(kind=0) for _ in range(int(match[1])))
        match = _LPS.fullmatch(command)
        if match and self._knows_loop2:
            wanted = [kind for kind in (0, 1) if int(match[1]) >> kind & 1]
            return _ACK + b"".join(self._packet(wanted[at % len(wanted)]) for at in range(int(match[2])))
        return _NAK

    def _packet(self, kind: int) -> bytes:
        now = self._seen()
        packet = bytearray(b"\xff" * 95 + b"\n\r")
        packet[0:5] = b"LOO\x00" + bytes([kind])
        _word(packet, 7, _steps(now.barometer_inhg, 1000), dash=0)
        _word(packet, 9, _steps(now.inside_f, 10))
        packet[11] = _DASH_BYTE if now.inside_pct is None else now.inside_pct
        _word(packet, 12, _steps(now.outside_f, 10))
        packet[14] = _DASH_BYTE if now.wind_mph is None else now.wind_mph
        _word(packet, 16, now.direction_deg, dash=0)
        packet[33] = _DASH_BYTE if now.outside_pct is None else now.outside_pct
        _word(packet, 41, now.rain_clicks_h)
        _word(packet, 44, now.solar_w_m2)
        _word(packet, 50, now.rain_clicks)
        if kind == 0:
            _word(packet, 87, 819)  # 4.79 V
        else:
            _word(packet, 30, now.dew_point_f, dash=255)
        return bytes(packet) + _crc_ccitt(bytes(packet)).to_bytes(2, "big")


def _steps(value: float | None, steps: int) -> int | None:
    return None if value is None else round(value * steps)


def _word(packet: bytearray, at: int, value: int | None, *, dash: int = _DASH_WORD) -> None:
    packet[at : at + 2] = ((dash if value is None else value) & 0xFFFF).to_bytes(2, "little")


def _crc_ccitt(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = (crc >> 8 | crc << 8) & 0xFFFF
        crc ^= byte
        crc ^= (crc & 0xFF) >> 4
        crc ^= crc << 12 & 0xFFFF
        crc ^= (crc & 0xFF) << 5
    return crc
