"""How probable the words that were read are if they mean something, and if they mean just anything; in bits. Pure."""

import math
from collections.abc import Sequence
from itertools import pairwise

from siloscope_edge.doctor.belief import Belief
from siloscope_edge.doctor.interpretations import Numbers

_UNROUNDED = 0.40
_UNAVAILABLE = 2.0**-12
_JUMPS = 0.02
_ZERO_BEHIND_ZERO = 0.70
_LEAST = 1e-300
_MOST_ROUNDED = 1e15


def evidence(belief: Belief, numbers: Numbers, values: Sequence[float | None], scale: float) -> float:
    """Return how probable the words of all rounds are if they mean these values, in bits."""
    known = [at for at, value in enumerate(values) if value is not None]
    bits = math.log2(_UNAVAILABLE) * (len(values) - len(known))
    shown = belief.shown
    anchor = known[0] if shown is None else min(known, key=lambda at: abs(_number(values[at]) - shown))
    number, value = _number(numbers.numbers[anchor]), _number(values[anchor])
    told = _mass(belief, belief.density(value), number, numbers.steps[anchor], scale, is_float=numbers.is_float)
    zero = belief.sense.zero if number == 0 and shown is None else 0.0
    bits += math.log2(max(_LEAST, told + zero))
    onwards, backwards = known[known.index(anchor) :], known[known.index(anchor) :: -1]
    for steps, sign in ((onwards, 1), (backwards, -1)):
        for before, after in pairwise(steps):
            apart = sign * (_number(values[after]) - _number(values[before]))
            bits += math.log2(max(_LEAST, _moved(belief, numbers, after, _number(values[after]), apart, scale)))
    return bits


def _number(value: float | None) -> float:
    assert value is not None, "only rounds with a value are looked at"
    return value


def _mass(belief: Belief, density: float, number: float, step: float, scale: float, *, is_float: bool) -> float:
    """Return the probability of one content of the registers where values have this density.

    A whole number stands for a step of its scale. A float may hold any binary fraction, but many devices round it to
    decimals first, and then a short decimal is no accident.
    """
    if not is_float:
        return min(1.0, density * step * abs(scale))
    found = _UNROUNDED * min(1.0, density * step * abs(scale))
    for rounding, share in belief.roundings if abs(number) < _MOST_ROUNDED else ():
        if abs(number - round(number / rounding) * rounding) <= 0.6 * step:
            found += share * min(1.0, density * rounding * abs(scale))
    return found


def _moved(belief: Belief, numbers: Numbers, at: int, value: float, apart: float, scale: float) -> float:
    """Return the probability of a round's content, given how far its value is from that of the round beside it."""
    step = numbers.steps[at]
    quantum = step * abs(scale)
    same = 0.85 if quantum >= belief.moves else 0.55 if quantum >= belief.moves / 50 else 0.40
    if apart == 0:
        return same
    if belief.limits is not None and belief.limits.circular:
        apart = (apart + 180) % 360 - 180
    wide = max(belief.moves, quantum)
    near = math.exp(-min(700.0, abs(apart) / wide)) / (2 * wide)
    if belief.limits is not None and belief.limits.counter and apart < 0:
        near *= 0.02
    told = 0.97 * near + _JUMPS * belief.sense.density(value)
    return (1 - same) * _mass(belief, told, _number(numbers.numbers[at]), step, scale, is_float=numbers.is_float)


def backgrounds(rounds: Sequence[Sequence[int]]) -> list[float]:
    """Return for each register how probable its words are if they mean just anything, in bits.

    Whatever it means, most registers stand still, most that move move a little, and zeros come in rows.
    """
    found = []
    empty = False
    for column in zip(*rounds, strict=True):
        bits = math.log2(_ZERO_BEHIND_ZERO if empty and column[0] == 0 else _any_word(column[0]))
        empty = column[0] == 0
        for before, word in pairwise(column):
            apart = abs((word - before + 0x8000) % 0x10000 - 0x8000)
            near = 0.6 / (15.0 * apart) if 0 < apart < 1024 else 0.0
            bits += math.log2(0.75 if word == before else 0.25 * (near + 0.4 / 65536))
        found.append(bits)
    return found


def _any_word(word: int) -> float:
    if word == 0:
        return 0.30
    if word in (0xFFFF, 0x8000, 0x7FFF):
        return 0.02
    return 0.44 / 65536 + (0.30 / 2000 if word < 2000 else 0.0)
