"""Instruments that talk in lines by themselves or when asked: Gill WindSonic, and an NMEA 0183 weather instrument."""

from collections.abc import Callable
from dataclasses import dataclass

_PERIOD_S = 1.0


@dataclass(frozen=True)
class Wind:
    """What an anemometer feels; None is what it cannot tell."""

    direction_deg: float | None
    speed_m_s: float | None


class _EachSecond:
    """Says a line each second."""

    def __init__(self) -> None:
        self._since_s = 0.0

    def line(self) -> bytes:
        raise NotImplementedError

    def unasked(self, elapsed_s: float) -> bytes:
        """Return what it says by itself, ``elapsed_s`` after it was last asked for it."""
        self._since_s += elapsed_s
        due = int(self._since_s // _PERIOD_S)
        self._since_s -= due * _PERIOD_S
        return self.line() * min(due, 1)

    def feed(self, data: bytes) -> bytes:
        """Take what came, and return what is answered."""
        return b""


class GillWindsonic(_EachSecond):
    """An anemometer in Gill's polar format.

    Args:
        wind: Returns what it feels.
        letter: Its node letter.
        polled: Whether it waits to be called by its letter, instead of talking.
    """

    def __init__(self, wind: Callable[[], Wind], *, letter: str = "Q", polled: bool = False) -> None:
        super().__init__()
        self._wind = wind
        self._letter = letter
        self._polled = polled

    def line(self) -> bytes:
        now = self._wind()
        if now.speed_m_s is None:
            return _framed(f"{self._letter},,,M,04,")
        calm = now.direction_deg is None or now.speed_m_s < 0.05
        direction = "" if calm or now.direction_deg is None else f"{round(now.direction_deg) % 360:03d}"
        return _framed(f"{self._letter},{direction},{now.speed_m_s:06.2f},M,00,")

    def unasked(self, elapsed_s: float) -> bytes:
        return b"" if self._polled else super().unasked(elapsed_s)

    def feed(self, data: bytes) -> bytes:
        return self.line() if self._polled and data.decode("latin-1").strip() == self._letter else b""


@dataclass(frozen=True)
class Air:
    """What a weather instrument on a mast feels; None is what it cannot tell."""

    pressure_hpa: float | None
    temperature_c: float | None
    humidity_pct: float | None
    dew_point_c: float | None
    wind: Wind


class NmeaWeather(_EachSecond):
    """An instrument that says a position it does not know, then MDA and MWV, each second; unknown fields are empty."""

    def __init__(self, air: Callable[[], Air]) -> None:
        super().__init__()
        self._air = air

    def line(self) -> bytes:
        now = self._air()
        speed, direction = _field(now.wind.speed_m_s), _field(now.wind.direction_deg)
        pressure = now.pressure_hpa
        barometer = f"{_field(pressure, 1 / 33.8638864, 4)},I,{_field(pressure, 0.001, 4)},B"
        air = f"{_field(now.temperature_c)},C,,,{_field(now.humidity_pct)},,{_field(now.dew_point_c)},C"
        wind = f"{direction},T,{direction},M,{_field(now.wind.speed_m_s, 1 / 0.514444)},N,{speed},M"
        valid = "A" if speed else "V"
        sentences = ("GPGLL,,,,,,V", f"WIMDA,{barometer},{air},{wind}", f"WIMWV,{direction},R,{speed},M,{valid}")
        return b"".join(f"${each}*{_xor(each):02X}\r\n".encode() for each in sentences)


def _field(value: float | None, scale: float = 1, places: int = 1) -> str:
    return "" if value is None else f"{value * scale:.{places}f}"


def _framed(body: str) -> bytes:
    return f"\x02{body}\x03{_xor(body):02X}\r\n".encode()


def _xor(body: str) -> int:
    check = 0
    for character in body:
        check ^= ord(character)
    return check
