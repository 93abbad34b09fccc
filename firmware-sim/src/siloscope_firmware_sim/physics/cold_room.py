"""A cold room for produce: a compressor with hysteresis, defrosts by the clock, doors that people open.

    C_air dT/dt   = U A (T_hall - T) + k (T_goods - T) + Q_door c_air (T_hall - T) - cold + heat of fans and defrost
    C_goods dT/dt = k (T - T_goods) + heat of respiration

Humidity and CO2 follow the same events: the coil dries the air while it is cold, produce gives off vapour and CO2
(10 mg/(kg h), about that of carrots at 5 °C: USDA Handbook 66), an open door mixes in the air of the hall.

Once a week the room is emptied, cleaned and warm for an hour. Every quantity settles at the same value then, so a room
that is stepped from its last cleaning is in the same state as one that has run for years: a restart makes no jump.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from siloscope_firmware_sim.physics import air
from siloscope_firmware_sim.physics.doors import DoorBook
from siloscope_firmware_sim.weather.observations import DAY_S, HOUR_S

STEP_S = 10
WEEK_S = 7 * DAY_S
_CLEANING_S = HOUR_S
_SETTLING_S = 200.0
_DEFROST_EVERY_S = 6 * HOUR_S
_DEFROST_S = 20 * 60
_LEAST_REST_S = 180
_OPEN_M3_S = 0.35
_SHUT_M3_S = 0.006
_RESPIRATION_W_KG = 0.03
_HALL_PCT = 85.0
_HALL_CO2_PPM = 480.0
_DRYING = (82.0, STEP_S / 700)  # where the humidity goes while the coil is cold, and the share of the way in a step
_MOISTENING = (94.0, STEP_S / 1500)


@dataclass(frozen=True)
class ColdRoomPlan:
    """A room and its machine.

    Attributes:
        volume_m3: Air in it.
        setpoint_c: Middle of the hysteresis.
        hysteresis_k: From where the compressor stops to where it starts.
        goods_kg: Produce in it.
        cooling_w: What the machine takes out while it runs.
    """

    volume_m3: float = 72.0
    setpoint_c: float = 3.0
    hysteresis_k: float = 2.0
    goods_kg: float = 3000.0
    cooling_w: float = 4200.0

    @property
    def walls_w_k(self) -> float:
        """Insulated panels, 0.25 W/(m² K), for a room 3 m high of square plan."""
        floor_m2 = self.volume_m3 / 3
        return 0.25 * (2 * floor_m2 + 12 * math.sqrt(floor_m2))

    @property
    def air_j_k(self) -> float:
        """Air, racks and the skin of the goods, which follow the air at once."""
        return 3.0 * self.volume_m3 * air.DENSITY_KG_M3 * air.HEAT_J_KG_K

    @property
    def goods_w_k(self) -> float:
        return 0.08 * self.goods_kg

    @property
    def goods_j_k(self) -> float:
        return 3700.0 * self.goods_kg


class RoomState(NamedTuple):
    """The room at one instant."""

    air_c: float
    goods_c: float
    humidity_pct: float
    co2_ppm: float
    cooling: bool = False
    door_open: bool = False
    rested_s: int = _LEAST_REST_S


_CLEANED = RoomState(air_c=9.0, goods_c=8.0, humidity_pct=75.0, co2_ppm=430.0)


class ColdRoom:
    """Steps a room through time.

    Args:
        plan: The room.
        doors: When its door stands open.
        anchor_s: Epoch seconds at which a cleaning ends; another ends every week.
        hall_c: Temperature of the hall round it.
    """

    def __init__(self, plan: ColdRoomPlan, doors: DoorBook, *, anchor_s: int, hall_c: float = 16.0) -> None:
        self._plan = plan
        self._doors = doors
        self._anchor_s = anchor_s
        self._hall_c = hall_c
        self._time_s = -1
        self._state = _CLEANED
        self._open = _Door.passing(plan, _OPEN_M3_S)
        self._shut = _Door.passing(plan, _SHUT_M3_S)
        self._goods_w_k = plan.goods_w_k
        self._respiration_w = _RESPIRATION_W_KG * plan.goods_kg
        self._breathed_ppm = 10 * plan.goods_kg / 3600 / air.CO2_KG_M3 * STEP_S / plan.volume_m3
        self._air_k_j = STEP_S / plan.air_j_k
        self._goods_k_j = STEP_S / plan.goods_j_k

    def at(self, time_s: float) -> RoomState:
        """Return the room at a time in epoch seconds, stepping on from the last call or from the last cleaning."""
        cleaned_s = self._anchor_s + int((time_s - self._anchor_s) // WEEK_S) * WEEK_S
        if not cleaned_s <= self._time_s <= time_s:
            self._time_s, self._state = cleaned_s, _CLEANED
        while self._time_s + STEP_S <= time_s:
            self._state = self._step(self._state, self._time_s)
            self._time_s += STEP_S
        return self._state

    def _step(self, state: RoomState, time_s: int) -> RoomState:
        since_cleaning_s = (time_s - self._anchor_s) % WEEK_S
        if since_cleaning_s >= WEEK_S - _CLEANING_S:
            return _settling(state)
        defrosting = (since_cleaning_s + _DEFROST_EVERY_S // 2) % _DEFROST_EVERY_S < _DEFROST_S
        cooling = not defrosting and self._compressor(state)
        machine_w = -self._plan.cooling_w + 300.0 if cooling else 800.0 if defrosting else 120.0
        return self._exchange(state, machine_w, cooling=cooling, door_open=self._doors.open_at(time_s))

    def _compressor(self, state: RoomState) -> bool:
        half = self._plan.hysteresis_k / 2
        if state.cooling:
            return state.air_c > self._plan.setpoint_c - half
        return state.air_c > self._plan.setpoint_c + half and state.rested_s >= _LEAST_REST_S

    def _exchange(self, state: RoomState, machine_w: float, *, cooling: bool, door_open: bool) -> RoomState:
        rates = self._open if door_open else self._shut
        wanted_pct, settling = _DRYING if cooling else _MOISTENING
        from_goods_w = self._goods_w_k * (state.goods_c - state.air_c)
        air_w = rates.through_w_k * (self._hall_c - state.air_c) + from_goods_w + machine_w
        humidity = state.humidity_pct + (wanted_pct - state.humidity_pct) * settling
        co2 = state.co2_ppm + self._breathed_ppm
        return RoomState(
            state.air_c + air_w * self._air_k_j,
            state.goods_c + (self._respiration_w - from_goods_w) * self._goods_k_j,
            humidity + (_HALL_PCT - humidity) * rates.mixing,
            co2 + (_HALL_CO2_PPM - co2) * rates.mixing,
            cooling,
            door_open,
            0 if cooling else min(state.rested_s + STEP_S, _LEAST_REST_S),
        )


class _Door(NamedTuple):
    """What passes in a step while the door stands so: heat through walls and door, share of the air that is changed."""

    through_w_k: float
    mixing: float

    @classmethod
    def passing(cls, plan: ColdRoomPlan, flow_m3_s: float) -> "_Door":
        """Return the rates for an air flow through the door."""
        through_w_k = plan.walls_w_k + flow_m3_s * air.DENSITY_KG_M3 * air.HEAT_J_KG_K
        return cls(through_w_k, 1 - math.exp(-flow_m3_s * STEP_S / plan.volume_m3))


def _settling(state: RoomState) -> RoomState:
    """Let a room that is being cleaned approach the state in which every week begins."""
    share = STEP_S / _SETTLING_S
    return RoomState(
        air_c=state.air_c + (_CLEANED.air_c - state.air_c) * share,
        goods_c=state.goods_c + (_CLEANED.goods_c - state.goods_c) * share,
        humidity_pct=state.humidity_pct + (_CLEANED.humidity_pct - state.humidity_pct) * share,
        co2_ppm=state.co2_ppm + (_CLEANED.co2_ppm - state.co2_ppm) * share,
        door_open=True,
    )
