"""Grain in a bin, stepped by the hour: conduction, self-heating and aeration in every cell, and the head space above.

Per cell (finite volume, explicit; an hour is far below the stability bound of some days):

    m c dT/dt = sum k A/d (T_neighbour - T)  +  m_dry r(moisture) a(T) 15.7 MJ/kg  +  G c_air L (T_below - T)

G is the mass flow of air through the column while the fan runs; L = 1.65 makes up for the evaporation that cools along
with the air, so that a front needs 15 / (cfm per bushel) hours, as the extension services' rule has it. Air enters at
outside temperature plus 1.5 K of fan heat. A column of fines passes less of it. Moisture stays where it is.

The head space holds so little heat that it is in balance at every hour; its CO2 is
    V dC/dt = share of what the grain breathes out - Q (C - outside), solved exactly over the hour.
"""

import math
from dataclasses import dataclass, field

from siloscope_firmware_sim.physics import air, bin_shape, respiration
from siloscope_firmware_sim.physics.bin_shape import BinShape

STEP_S = 3600
_FAN_HEAT_K = 1.5
_EVAPORATION = 1.65
_AIR_PER_CFM_BU = 0.01339  # m³/s of air per m³ of grain for 1 cfm per bushel
_GROUND_C = 11.0
_ROOF_W_M2_K = 6.0
_CO2_TO_HEAD_SPACE = 0.5  # the rest leaves through floor, wall and door
_CHANGES_STILL_H = 0.6
_CHANGES_PER_WIND_H = 0.15
_GRAIN_HUMIDITY = 0.62


@dataclass(frozen=True)
class Charge:
    """What was put into a bin.

    Attributes:
        temperature_c: Of each cell on the day it was filled.
        moisture_pct: Of each cell, wet basis.
        flow_share: Of each cable's column: 1 passes its full share of the fan's air, a core of fines less.
        cfm_per_bushel: What the fan moves.
    """

    temperature_c: tuple[float, ...]
    moisture_pct: tuple[float, ...]
    flow_share: tuple[float, ...]
    cfm_per_bushel: float = 0.1


@dataclass(frozen=True)
class Outside:
    """What surrounds the bin for an hour."""

    temperature_c: float
    humidity_pct: float
    speed_m_s: float
    roof_c: float


@dataclass
class GrainState:
    """Grain and head space at one instant."""

    cells_c: list[float]
    head_c: float
    head_humidity_pct: float
    head_co2_ppm: float = field(default=air.OUTSIDE_CO2_PPM)

    @property
    def mean_c(self) -> float:
        return sum(self.cells_c) / len(self.cells_c)


class GrainModel:
    """Steps one charge of one bin.

    Args:
        shape: The bin.
        charge: The grain in it.
    """

    def __init__(self, shape: BinShape, charge: Charge) -> None:
        self._shape = shape
        self._links = shape.links()
        self._cables = range(1, shape.cables + 1)
        cable_of = [1 + cell % shape.cables for cell in range(shape.cells)]
        self._per_heat = [STEP_S / (shape.cell_kg(cable) * bin_shape.HEAT_J_KG_K) for cable in cable_of]
        self._burning_kg_s = [
            shape.cell_kg(cable) * (1 - moisture / 100) * respiration.dry_matter_per_s(moisture)
            for cable, moisture in zip(cable_of, charge.moisture_pct, strict=True)
        ]
        self._walls = [
            shape.cell(cable, level) for level in range(1, shape.grain_levels + 1) for cable in self._cables[1:]
        ]
        self._surface_w_k = [shape.surface_w_k(cable) for cable in self._cables]
        self._floor_w_k = [shape.floor_w_k(cable) for cable in self._cables]
        volume_flow = charge.cfm_per_bushel * _AIR_PER_CFM_BU * shape.layer_m * shape.grain_levels
        heat_flow = volume_flow * air.DENSITY_KG_M3 * air.HEAT_J_KG_K * _EVAPORATION
        self._blown_w_k = [heat_flow * shape.column_m2(cable) * charge.flow_share[cable - 1] for cable in self._cables]
        self._blown_m3_s = volume_flow * shape.floor_m2
        self._start_c = charge.temperature_c

    def start(self, outside: Outside) -> GrainState:
        """Return the state on the day of filling."""
        head = self._head_c(list(self._start_c), outside, blowing=False)
        return GrainState(list(self._start_c), head, outside.humidity_pct)

    def step(self, state: GrainState, outside: Outside, *, blowing: bool) -> GrainState:
        """Return the state an hour later.

        Args:
            state: Now.
            outside: The weather of the hour.
            blowing: Whether the fan runs in it.
        """
        cells = state.cells_c
        watts, burnt_kg_s = self._burning(cells)
        self._conduct(cells, watts, outside, state.head_c)
        if blowing:
            self._blow(cells, watts, outside)
        after = [cell + heat * per for cell, heat, per in zip(cells, watts, self._per_heat, strict=True)]
        head = self._head_c(after, outside, blowing=blowing)
        co2 = self._co2_ppm(state.head_co2_ppm, burnt_kg_s, outside, blowing=blowing)
        return GrainState(after, head, self._head_humidity(after, head, outside, blowing=blowing), co2)

    def _burning(self, cells: list[float]) -> tuple[list[float], float]:
        rates = [burning * respiration.activity(cell) for cell, burning in zip(cells, self._burning_kg_s, strict=True)]
        return [rate * respiration.HEAT_J_KG for rate in rates], sum(rates)

    def _conduct(self, cells: list[float], watts: list[float], outside: Outside, head_c: float) -> None:
        for one, other, conductance in self._links:
            flow = conductance * (cells[other] - cells[one])
            watts[one] += flow
            watts[other] -= flow
        wall = self._shape.wall_w_k()
        for cell in self._walls:
            watts[cell] += wall * (outside.temperature_c - cells[cell])
        top = len(cells) - len(self._surface_w_k)
        for column, (surface, floor) in enumerate(zip(self._surface_w_k, self._floor_w_k, strict=True)):
            watts[top + column] += surface * (head_c - cells[top + column])
            watts[column] += floor * (_GROUND_C - cells[column])

    def _blow(self, cells: list[float], watts: list[float], outside: Outside) -> None:
        for cable in self._cables:
            below = outside.temperature_c + _FAN_HEAT_K
            for level in range(1, self._shape.grain_levels + 1):
                cell = self._shape.cell(cable, level)
                watts[cell] += self._blown_w_k[cable - 1] * (below - cells[cell])
                below = cells[cell]

    def _top_c(self, cells: list[float]) -> float:
        top = cells[-self._shape.cables :]
        return sum(top) / len(top)

    def _changes_m3_s(self, outside: Outside, *, blowing: bool) -> float:
        per_hour = _CHANGES_STILL_H + _CHANGES_PER_WIND_H * outside.speed_m_s
        return self._shape.head_space_m3 * per_hour / 3600 + (self._blown_m3_s if blowing else 0.0)

    def _head_c(self, cells: list[float], outside: Outside, *, blowing: bool) -> float:
        air_w_m3_k = air.DENSITY_KG_M3 * air.HEAT_J_KG_K
        roof = _ROOF_W_M2_K * self._shape.floor_m2
        grain = sum(self._surface_w_k)
        through = air_w_m3_k * self._changes_m3_s(outside, blowing=False)
        blown = air_w_m3_k * self._blown_m3_s if blowing else 0.0
        heat = roof * outside.roof_c + (grain + blown) * self._top_c(cells) + through * outside.temperature_c
        return heat / (roof + grain + blown + through)

    def _head_humidity(self, cells: list[float], head_c: float, outside: Outside, *, blowing: bool) -> float:
        """Mix the vapour of the outside air with that of air in balance with the grain."""
        grain_share = 0.9 if blowing else 0.4
        vapour = (1 - grain_share) * air.saturation_hpa(outside.temperature_c) * outside.humidity_pct / 100
        vapour += grain_share * air.saturation_hpa(self._top_c(cells)) * _GRAIN_HUMIDITY
        return min(max(100 * vapour / air.saturation_hpa(head_c), 5.0), 100.0)

    def _co2_ppm(self, before_ppm: float, burnt_kg_s: float, outside: Outside, *, blowing: bool) -> float:
        changes = self._changes_m3_s(outside, blowing=blowing)
        source_m3_s = burnt_kg_s * respiration.CO2_PER_DRY_MATTER * _CO2_TO_HEAD_SPACE / air.CO2_KG_M3
        balance = air.OUTSIDE_CO2_PPM + 1e6 * source_m3_s / changes
        return balance + (before_ppm - balance) * math.exp(-changes * STEP_S / self._shape.head_space_m3)
