"""A soil probe (moisture, temperature, conductivity, pH, N, P, K; FC03) and a module of eight current inputs (FC04)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from siloscope_firmware_sim.instruments.register_map import RegisterMap
from siloscope_firmware_sim.instruments.words import tenths
from siloscope_firmware_sim.modbus.requests import READ_HOLDING, READ_INPUT

INPUTS = 8


@dataclass(frozen=True)
class Soil:
    """What a soil probe feels."""

    moisture_pct: float
    temperature_c: float
    conductivity_us_cm: float
    acidity_ph: float
    nutrients_mg_kg: tuple[int, int, int] = (0, 0, 0)


def soil_7in1(unit_id: int, soil: Callable[[], Soil]) -> RegisterMap:
    """Return a soil probe."""

    def content() -> dict[int, int]:
        now = soil()
        measured = (tenths(now.moisture_pct), tenths(now.temperature_c), round(now.conductivity_us_cm))
        return dict(enumerate((*measured, tenths(now.acidity_ph), *now.nutrients_mg_kg)))

    return RegisterMap(unit_id, READ_HOLDING, content)


def loop_8ch(unit_id: int, currents_ma: Callable[[], Sequence[float]]) -> RegisterMap:
    """Return a module of current inputs; an open loop reads 0."""

    def content() -> dict[int, int]:
        measured = [round(each * 1000) for each in currents_ma()]
        return dict(enumerate((measured + [0] * INPUTS)[:INPUTS]))

    return RegisterMap(unit_id, READ_INPUT, content)
