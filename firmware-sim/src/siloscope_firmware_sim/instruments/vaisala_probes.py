"""Vaisala GMP252 (CO2) and HMP (humidity) probes: FC03, singles with the least significant word first, unit 240.

What a probe cannot tell is a quiet NaN. Registers 7937 and 7938 hold -123.45, for finding the order of words.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from siloscope_firmware_sim.instruments.register_map import RegisterMap
from siloscope_firmware_sim.instruments.words import float_high_first
from siloscope_firmware_sim.modbus.requests import READ_HOLDING

UNIT_ID = 240
_TRIAL = {7937: -123.45}


@dataclass(frozen=True)
class Humidity:
    """What an HMP probe derives; None is what it cannot tell."""

    humidity_pct: float | None
    temperature_c: float | None
    dew_point_c: float | None
    absolute_g_m3: float | None
    mixing_ratio_g_kg: float | None
    wet_bulb_c: float | None


def gmp252(
    co2_ppm: Callable[[], float | None], temperature_c: Callable[[], float | None], *, unit_id: int = UNIT_ID
) -> RegisterMap:
    """Return a CO2 probe that measures and compensates with these."""

    def content() -> dict[int, int]:
        temperature = temperature_c()
        return _low_first({0x0000: co2_ppm(), 0x0002: temperature, 0x0004: temperature, **_TRIAL})

    return RegisterMap(unit_id, READ_HOLDING, content)


def hmp(air: Callable[[], Humidity], *, unit_id: int = UNIT_ID) -> RegisterMap:
    """Return a humidity probe; the registers between its values read as NaN."""

    def content() -> dict[int, int]:
        now = air()
        values = dict.fromkeys(range(0, 0x14, 2), None) | {
            0x0000: now.humidity_pct,
            0x0002: now.temperature_c,
            0x0006: now.dew_point_c,
            0x000E: now.absolute_g_m3,
            0x0010: now.mixing_ratio_g_kg,
            0x0012: now.wet_bulb_c,
        }
        return _low_first({**values, **_TRIAL})

    return RegisterMap(unit_id, READ_HOLDING, content)


def _low_first(values: Mapping[int, float | None]) -> dict[int, int]:
    words: dict[int, int] = {}
    for address, value in values.items():
        words[address + 1], words[address] = float_high_first(math.nan if value is None else value)
    return words
