"""A season of a bin: filled, stored for two rounds of weather, emptied, filled again.

A season is computed once when it is first asked for (some hundredths of a second) and then only looked up, so the state
of a bin is a function of time alone and a restart changes nothing. Since the weather repeats and the season is a whole
number of its rounds, all seasons of a bin are alike; only the meter of the fan goes on counting.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass

from siloscope_firmware_sim.physics.fan import FanRule
from siloscope_firmware_sim.physics.grain import STEP_S, GrainModel, GrainState, Outside

_HEAD = 3


@dataclass(frozen=True)
class BinNow:
    """A bin at an instant.

    Attributes:
        cells_c: Grain temperature by cell.
        head_c: Head-space air temperature.
        head_humidity_pct: Head-space relative humidity.
        head_co2_ppm: Head-space CO2.
        fan_runs: Whether the fan runs.
        fan_hours: Hours it ran since the world began.
    """

    cells_c: tuple[float, ...]
    head_c: float
    head_humidity_pct: float
    head_co2_ppm: float
    fan_runs: bool
    fan_hours: float


class Season:
    """The life of the grain in one bin, repeated.

    Args:
        model: The grain.
        rule: When the fan runs.
        outside: The weather round the bin at a time in epoch seconds.
        filled_s: Epoch seconds of a filling, a full hour.
        length_s: From one filling to the next; a whole number of the weather's rounds.
        epoch_s: When the fan's meter was fitted.
    """

    def __init__(
        self,
        model: GrainModel,
        rule: FanRule,
        outside: Callable[[float], Outside],
        *,
        filled_s: int,
        length_s: int,
        epoch_s: int,
    ) -> None:
        self._filled_s = filled_s
        self._length_s = length_s
        self._steps = length_s // STEP_S
        self._states: list[array[float]] = []
        self._fan = bytearray()
        self._hours = array("d", [0.0])
        self._compute(model, rule, outside)
        self._hours_at_epoch = self._hours_since_filling(epoch_s)

    def at(self, time_s: float) -> BinNow:
        """Return the bin at a time in epoch seconds."""
        step, share = divmod((time_s - self._filled_s) % self._length_s, STEP_S)
        before, after = self._states[int(step)], self._states[(int(step) + 1) % self._steps]
        part = share / STEP_S
        now = [one + part * (other - one) for one, other in zip(before, after, strict=True)]
        return BinNow(
            cells_c=tuple(now[_HEAD:]),
            head_c=now[0],
            head_humidity_pct=now[1],
            head_co2_ppm=now[2],
            fan_runs=bool(self._fan[int(step)]),
            fan_hours=self._hours_since_filling(time_s) - self._hours_at_epoch,
        )

    def _compute(self, model: GrainModel, rule: FanRule, outside: Callable[[float], Outside]) -> None:
        weather = outside(self._filled_s)
        state, running = model.start(weather), False
        for step in range(self._steps):
            running = rule.runs(
                running=running,
                grain_c=state.mean_c,
                outside_c=weather.temperature_c,
                humidity_pct=weather.humidity_pct,
            )
            self._keep(state, running=running)
            state = model.step(state, weather, blowing=running)
            weather = outside(self._filled_s + (step + 1) * STEP_S)

    def _keep(self, state: GrainState, *, running: bool) -> None:
        head = (state.head_c, state.head_humidity_pct, state.head_co2_ppm)
        self._states.append(array("d", (*head, *state.cells_c)))
        self._fan.append(running)
        self._hours.append(self._hours[-1] + running)

    def _hours_since_filling(self, time_s: float) -> float:
        rounds, offset = divmod(time_s - self._filled_s, self._length_s)
        step, share = divmod(offset, STEP_S)
        now = self._hours[int(step)] + self._fan[int(step)] * share / STEP_S
        return rounds * self._hours[-1] + now
