"""What a clue makes one expect of values, and the ways from a number to the quantity's unit. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from siloscope_contract.quantities import Quantity, quantity
from siloscope_edge.doctor.clues import Clue
from siloscope_edge.doctor.interpretations import Numbers
from siloscope_edge.doctor.senses import Sense, Way, sense_of

_FLOAT_SCALES = {1.0: 0.93, 0.1: 0.02, 0.01: 0.01, 10.0: 0.02, 0.001: 0.01, 100.0: 0.01}
_ROUNDED = 0.60
"""How often a device rounds a float to decimals, as many as are usual for the quantity."""
_MISREAD = 0.003
"""How often a display is read wrong, or the value on it is another."""
_MOST = 1e15


class Scaling(NamedTuple):
    """A way from a number to the quantity's unit, and how usual it is."""

    scale: float
    offset: float
    way: Way
    share: float


def _scalings(sense: Sense, scales: Mapping[float, float]) -> Sequence[Scaling]:
    """Return all ways; those that come to the same are one."""
    found: dict[tuple[float, float], Scaling] = {}
    for way in sense.ways:
        for step, share in scales.items():
            scale = float(f"{step * way.factor:.12g}")
            had = found.get((scale, way.offset))
            weight = way.weight * share
            usual = had.way if had is not None and had.share >= weight else way
            found[scale, way.offset] = Scaling(
                scale, way.offset, usual, weight + (had.share if had is not None else 0.0)
            )
    return list(found.values())


class Belief:
    """What a clue makes one expect of values.

    Args:
        clue: What is known.
        interval_s: Time between two rounds.

    Attributes:
        clue: What is known.
        sense: What is usual for its quantity.
        limits: What is possible for it; None where no quantity is stated.
        shown: The value on the display.
        roundings: Decimals to which a device rounds floats, and how usual that is.
        moves: How far values move from one round to the next.
    """

    def __init__(self, clue: Clue, interval_s: float) -> None:
        self.clue = clue
        self.sense: Sense = sense_of(clue.quantity, clue.value)
        self.limits: Quantity | None = quantity(clue.quantity) if clue.quantity else None
        self.shown = clue.value
        self.shown_step = clue.step
        self.roundings = [(step, _ROUNDED * share) for step, share in self.sense.scales.items() if step <= 1.0]
        self._scalings = {scales: _scalings(self.sense, shares) for scales, shares in self._shares().items()}
        step = self.sense.step if clue.quantity else max(self.sense.step, self.shown_step)
        self.moves = max(step * math.sqrt(max(interval_s, 0.1)), 1e-12)
        self.wide = self.shown_step + 3 * self.moves

    def scalings(self, numbers: Numbers) -> Sequence[Scaling]:
        """Return the ways from a number to the quantity's unit."""
        return self._scalings["text" if numbers.type == "string" else "float" if numbers.is_float else "whole"]

    def _shares(self) -> dict[str, Mapping[float, float]]:
        return {"text": {1.0: 1.0}, "float": _FLOAT_SCALES, "whole": self.sense.scales}

    def density(self, value: float) -> float:
        """Return how much a first value is expected."""
        usual = self.sense.density(value)
        if self.shown is None:
            return usual
        apart = abs(value - self.shown)
        exact = 0.70 / (1.2 * self.shown_step) if apart <= 0.6 * self.shown_step else 0.0
        return exact + 0.297 * math.exp(-min(700.0, apart / self.wide)) / (2 * self.wide) + _MISREAD * usual

    def far_off(self, lowest: float, highest: float) -> bool:
        """Return whether values between these are so far from the display that they are not worth a thought."""
        if self.shown is None:
            return False
        return max(lowest - self.shown, self.shown - highest) > 40 * self.wide + 0.2 * abs(self.shown)

    def contradicts(self, values: Sequence[float | None]) -> bool:
        """Return whether no value is what a display could have shown, a little earlier or later."""
        if self.shown is None:
            return False
        near = max(5 * self.wide, 0.1 * abs(self.shown))
        return all(value is None or abs(value - self.shown) > near for value in values)

    def possible(self, lowest: float, highest: float) -> bool:
        """Return whether these are numbers that physics allows."""
        if self.limits is None:
            return lowest > -_MOST and highest < _MOST
        return self.limits.low <= lowest and highest <= self.limits.high
