"""Which way to read registers is the most plausible: Bayes, in bits, with the reasons by name. Pure.

For each way to read a window of registers: how usual it is among devices, times how probable it makes the very words
that were read, against how probable they are if they are just any words. See docs/decisions/0050.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from siloscope_edge.doctor.belief import Belief
from siloscope_edge.doctor.clues import Clue
from siloscope_edge.doctor.evidence import backgrounds, evidence
from siloscope_edge.doctor.findings import Guess, Ranking
from siloscope_edge.doctor.interpretations import Numbers, numbers_at
from siloscope_edge.doctor.reasons import reasons_for
from siloscope_edge.doctor.senses import Sense, Way

Words = Mapping[str, Mapping[int, Sequence[int]]]
"""Words by table and address, one for each round."""

SHOWN_GROUPS = 6
SHOWN_TIES = 12
_WINDOW = 8
_CLEAR, _LIKELY = 0.9, 0.6
_NOTHING_BITS = -7.0
_NEGLIGIBLE_BITS = 20.0


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
    belief = Belief(clue, interval_s)
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


def _candidates(belief: Belief, words: Words, enough: Callable[[], bool]) -> Iterator[Candidate]:
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


def _at(belief: Belief, table: str, address: int, place: float, rounds: list[list[int]]) -> Iterator[Candidate]:
    anywhere = belief.clue.register is None
    background = backgrounds(rounds)
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
            explained = evidence(belief, numbers, values, scale) - against
            yield Candidate(
                numbers, table, address, scale, offset, way, values, math.log2(usual * share), place, explained
            )


def _sign_share(numbers: Numbers, sense: Sense) -> float:
    """Return how usual a signed or unsigned type is for a quantity that goes below zero, or does not."""
    if numbers.is_float or numbers.type in ("string", "bcd16", "bcd32"):
        return 1.0
    signed = numbers.type.startswith("int")
    return 1.6 if signed is sense.signed else 0.4


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.9g}")


def _guess(each: Candidate, belief: Belief, top: float, total: float) -> Guess:
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
