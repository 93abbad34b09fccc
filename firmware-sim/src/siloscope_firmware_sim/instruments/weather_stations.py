"""Two compact weather stations on Modbus: the Renke kind (FC03 from 500 on) and the Thies WSC11 (FC04, 32 bits)."""

from collections.abc import Callable
from dataclasses import dataclass

from siloscope_firmware_sim.instruments.register_map import RegisterMap
from siloscope_firmware_sim.instruments.words import tenths
from siloscope_firmware_sim.modbus.requests import READ_HOLDING, READ_INPUT

_COMPACT = range(500, 516)
_UNKNOWN_SIGNED = 0x7FFFFFFF
_UNKNOWN_UNSIGNED = 0xFFFFFFFF


@dataclass(frozen=True)
class Weather:
    """What a station feels; None is what it cannot tell."""

    speed_m_s: float | None
    direction_deg: float | None
    temperature_c: float | None
    humidity_pct: float | None
    dew_point_c: float | None
    pressure_hpa: float | None
    lux: float | None = None
    rain_mm: float | None = None
    solar_w_m2: float | None = None


def compact(unit_id: int, weather: Callable[[], Weather], *, speed_steps: int = 100) -> RegisterMap:
    """Return a station of the Renke kind; what is not fitted reads 0. ``speed_steps`` to a m/s: 10 on old firmware."""

    def content() -> dict[int, int]:
        now = weather()
        lux = round(now.lux or 0)
        return dict.fromkeys(_COMPACT, 0) | {
            500: round((now.speed_m_s or 0) * speed_steps),
            502: round((now.direction_deg or 0) / 45) % 8,
            503: round(now.direction_deg or 0) % 360,
            504: tenths(now.humidity_pct or 0),
            505: tenths(now.temperature_c or 0),
            509: round(now.pressure_hpa or 0),
            510: lux >> 16,
            511: lux & 0xFFFF,
            513: round((now.rain_mm or 0) * 10),
            515: round(now.solar_w_m2 or 0),
        }

    return RegisterMap(unit_id, READ_HOLDING, content)


def wsc11(unit_id: int, weather: Callable[[], Weather], *, first: int = 30001) -> RegisterMap:
    """Return a WSC11; ``first`` is the wire's address of the register that the manual calls 30001."""

    def content() -> dict[int, int]:
        now = weather()
        words: dict[int, int] = {}
        for number, value, steps, signed in (
            (30001, now.speed_m_s, 10, False),
            (30201, now.direction_deg, 10, False),
            (30401, now.temperature_c, 10, True),
            (30601, now.humidity_pct, 10, False),
            (30603, now.humidity_pct, 10, False),
            (30605, now.dew_point_c, 10, True),
            (30801, now.pressure_hpa, 100, False),
        ):
            unknown = _UNKNOWN_SIGNED if signed else _UNKNOWN_UNSIGNED
            raw = unknown if value is None else round(value * steps) & 0xFFFFFFFF
            at = number - 30001 + first
            words[at], words[at + 1] = raw >> 16, raw & 0xFFFF
        return words

    return RegisterMap(unit_id, READ_INPUT, content)
