"""Which way to read registers is the most plausible: Bayes, in bits, with the reasons by name. Pure.

For each way to read a window of registers: how usual it is among devices, times how probable it makes the very words
that were read, against how probable they are if they are just any words. See docs/decisions/0050.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from siloscope_contract.quantities import Quantity, quantity
from siloscope_edge.doctor.clues import Clue
from siloscope_edge.doctor.findings import Guess, Ranking
from siloscope_edge.doctor.interpretations import Numbers, numbers_at
from siloscope_edge.doctor.reasons import reasons_for
from siloscope_edge.doctor.senses import Sense, Way, sense_of

Words = Mapping[str, Mapping[int, Sequence[int]]]
"""Words by table and address, one for each round."""

SHOWN_GROUPS = 6
SHOWN_TIES = 12
_WINDOW = 8
_CLEAR, _LIKELY = 0.9, 0.6
_NOTHING_BITS = -7.0
_NEGLIGIBLE_BITS = 20.0
_ROUNDED = 0.60
"""How often a device rounds a float to decimals, as many as are usual for the quantity."""
_UNROUNDED = 0.40
_FLOAT_SCALES = {1.0: 0.93, 0.1: 0.02, 0.01: 0.01, 10.0: 0.02, 0.001: 0.01, 100.0: 0.01}
_UNAVAILABLE = 2.0**-12
_JUMPS = 0.02
_ZERO_BEHIND_ZERO = 0.70
_MISREAD = 0.003
"""How often a display is read wrong, or the value on it is another."""
_LEAST = 1e-300
_MOST_ROUNDED = 1e15
_MOST = 1e15


class Candidate(Struct, frozen=True):
    """One way to read, with what speaks for it in bits.

    Attributes:
        numbers: What the registers give.
        table: Where.
        address: The first register.
        scale: To the quantity's unit.
        offset: And this is added.
        way: The unit in which the device would give it.
        values: In the quantity's unit.
        usual: How usual such a device is.
        place: How likely this place is.
        evidence: What the words say.
    """

    numbers: Numbers
    table: str
    address: int
    scale: float
    offset: float
    way: Way
    values: tuple[float | None, ...]
    usual: float
    place: float
    evidence: float

    @property
    def bits(self) -> float:
        """All of it."""
        return self.usual + self.place + self.evidence


def rank(clue: Clue, words: Words, interval_s: float = 1.0, enough: Callable[[], bool] = lambda: False) -> Ranking:
    """Return the ways to read what a clue is about, the most plausible first; equal ones together.

    Args:
        clue: What is known.
        words: What was read.
        interval_s: Time between two rounds.
        enough: Ends it with the registers that were weighed until then.
    """
    belief = _Belief(clue, interval_s)
    candidates = sorted(_candidates(belief, words, enough), key=lambda each: -each.bits)
    if not candidates:
        return Ranking(clue=clue.text, quantity=clue.quantity, is_pointed=clue.is_pointed)
    groups: dict[tuple[float | None, ...], list[Candidate]] = {}
    for each in candidates:
        if each.bits > candidates[0].bits - _NEGLIGIBLE_BITS:
            groups.setdefault(tuple(_short(value) for value in each.values), []).append(each)
    # Ways that give the same numbers are one answer, as plausible as the best of them.
    top = max(candidates[0].bits, _NOTHING_BITS)
    nothing = 2.0 ** (_NOTHING_BITS - top)
    total = nothing + sum(2.0 ** (group[0].bits - top) for group in groups.values())
    best = 2.0 ** (candidates[0].bits - top) / total
    verdict = (
        "nothing" if nothing / total > best else "clear" if best >= _CLEAR else "likely" if best >= _LIKELY else "open"
    )
    if belief.contradicts(candidates[0].values):
        verdict = "nothing"
    shown = tuple(
        tuple(_guess(each, belief, top, total) for each in group[:SHOWN_TIES])
        for group in list(groups.values())[:SHOWN_GROUPS]
    )
    return Ranking(clue=clue.text, quantity=clue.quantity, is_pointed=clue.is_pointed, groups=shown, verdict=verdict)


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


class _Belief:
    """What a clue makes one expect of values."""

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

    def scalings(self, numbers: Numbers) -> Sequence["Scaling"]:
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


def _candidates(belief: _Belief, words: Words, enough: Callable[[], bool]) -> Iterator[Candidate]:
    places = belief.clue.places()
    anywhere = -math.log2(max(1, sum(len(each) for each in words.values())))
    for table, stood in words.items():
        if table in ("coil", "discrete"):
            continue
        for address in sorted(stood):
            if enough():
                return
            place = anywhere if places is None else places.get((table, address))
            if place is not None and (
                places is not None or any(any(stood.get(at, ())) for at in range(address, address + 4))
            ):
                yield from _at(belief, table, address, place, _window(stood, address))


def _window(stood: Mapping[int, Sequence[int]], address: int) -> list[list[int]]:
    """Return the words from an address on as rounds; to the first gap."""
    columns = []
    for at in range(address, address + _WINDOW):
        if at not in stood or len(stood[at]) != len(stood[address]):
            break
        columns.append(stood[at])
    return [list(each) for each in zip(*columns, strict=True)]


def _at(belief: _Belief, table: str, address: int, place: float, rounds: list[list[int]]) -> Iterator[Candidate]:
    anywhere = belief.clue.register is None
    background = _backgrounds(rounds)
    for numbers in numbers_at(rounds):
        against = sum(background[: numbers.words])
        usual = numbers.share * _sign_share(numbers, belief.sense)
        known = [each for each in numbers.numbers if each is not None]
        lowest, highest = min(known), max(known)
        for scale, offset, way, share in belief.scalings(numbers):
            low, high = lowest * scale + offset, highest * scale + offset
            if not belief.possible(low, high) or (anywhere and belief.far_off(low, high)):
                continue
            values = tuple(None if each is None else each * scale + offset for each in numbers.numbers)
            evidence = _evidence(belief, numbers, values, scale) - against
            yield Candidate(
                numbers, table, address, scale, offset, way, values, math.log2(usual * share), place, evidence
            )


def _sign_share(numbers: Numbers, sense: Sense) -> float:
    """Return how usual a signed or unsigned type is for a quantity that goes below zero, or does not."""
    if numbers.is_float or numbers.type in ("string", "bcd16", "bcd32"):
        return 1.0
    signed = numbers.type.startswith("int")
    return 1.6 if signed is sense.signed else 0.4


def _evidence(belief: _Belief, numbers: Numbers, values: Sequence[float | None], scale: float) -> float:
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


def _mass(belief: _Belief, density: float, number: float, step: float, scale: float, *, is_float: bool) -> float:
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


def _moved(belief: _Belief, numbers: Numbers, at: int, value: float, apart: float, scale: float) -> float:
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


def _backgrounds(rounds: Sequence[Sequence[int]]) -> list[float]:
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


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.9g}")


def _guess(each: Candidate, belief: _Belief, top: float, total: float) -> Guess:
    return Guess(
        table=each.table,
        address=each.address,
        type=each.numbers.type,
        byte_order=each.numbers.byte_order,
        words=each.numbers.words,
        scale=float(f"{each.scale:.12g}"),
        offset=float(f"{each.offset:.12g}"),
        negative_from=each.numbers.negative_from,
        values=tuple(_short(value) for value in each.values),
        unit=belief.limits.unit if belief.limits is not None else "",
        share=round(2.0 ** (each.bits - top) / total, 4),
        bits=round(each.bits, 1),
        reasons=reasons_for(belief.clue, belief.sense, each),
    )
