"""A season of a bin: filled, stored for two rounds of weather, emptied, filled again.

A season is computed once when it is first asked for (some hundredths of a second) and then only looked up, so the state
of a bin is a function of time alone and a restart changes nothing. Since the weather repeats and the season is a whole
number of its rounds, all seasons of a bin are alike; only the meter of the fan goes on counting.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

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


class _Course:
    """What happened hour by hour from one filling to the next."""

    def __init__(self) -> None:
        self.states: list[array[float]] = []
        self.fan = bytearray()
        self.hours = array("d", [0.0])

    def keep(self, state: GrainState, *, running: bool) -> None:
        """Note the state at the begin of an hour, and whether the fan runs in it."""
        self.states.append(array("d", (state.head_c, state.head_humidity_pct, state.head_co2_ppm, *state.cells_c)))
        self.fan.append(running)
        self.hours.append(self.hours[-1] + running)


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
        self._model = model
        self._rule = rule
        self._outside = outside
        self._filled_s = filled_s
        self._length_s = length_s
        self._epoch_s = epoch_s

    def at(self, time_s: float) -> BinNow:
        """Return the bin at a time in epoch seconds."""
        course = self._course
        step, part = self._hour(time_s)
        before, after = course.states[step], course.states[(step + 1) % len(course.states)]
        now = [one + part * (other - one) for one, other in zip(before, after, strict=True)]
        return BinNow(
            cells_c=tuple(now[_HEAD:]),
            head_c=now[0],
            head_humidity_pct=now[1],
            head_co2_ppm=now[2],
            fan_runs=bool(course.fan[step]),
            fan_hours=self._fan_hours(time_s) - self._fan_hours(self._epoch_s),
        )

    @cached_property
    def _course(self) -> _Course:
        course, weather = _Course(), self._outside(self._filled_s)
        state, running = self._model.start(weather), False
        for hour in range(self._length_s // STEP_S):
            running = self._rule.runs(
                running=running,
                grain_c=state.mean_c,
                outside_c=weather.temperature_c,
                humidity_pct=weather.humidity_pct,
            )
            course.keep(state, running=running)
            state = self._model.step(state, weather, blowing=running)
            weather = self._outside(self._filled_s + (hour + 1) * STEP_S)
        return course

    def _hour(self, time_s: float) -> tuple[int, float]:
        step, second = divmod((time_s - self._filled_s) % self._length_s, STEP_S)
        return int(step), second / STEP_S

    def _fan_hours(self, time_s: float) -> float:
        """Return the hours that the fan ran since a filling that lies before or after."""
        seasons = (time_s - self._filled_s) // self._length_s
        step, part = self._hour(time_s)
        return seasons * self._course.hours[-1] + self._course.hours[step] + self._course.fan[step] * part
