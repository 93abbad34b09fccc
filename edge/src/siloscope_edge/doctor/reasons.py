"""Why an interpretation ranks where it does, in words that a technician can check. Pure."""

from itertools import pairwise
from typing import Protocol

from siloscope_edge.doctor.clues import Clue
from siloscope_edge.doctor.interpretations import Numbers
from siloscope_edge.doctor.senses import Sense, Way

_USUAL, _RARE = 0.08, 0.004


class Judged(Protocol):
    """What is judged of a way to read."""

    @property
    def numbers(self) -> Numbers: ...

    @property
    def address(self) -> int: ...

    @property
    def way(self) -> Way: ...

    @property
    def values(self) -> tuple[float | None, ...]: ...


def reasons_for(clue: Clue, sense: Sense, found: Judged) -> tuple[str, ...]:
    """Return what speaks for and against, the strongest first; what speaks against begins with "but"."""
    known = [value for value in found.values if value is not None]
    if not known:
        return ("but says that it has no value (NaN)",)
    reasons = [_of_value(clue, sense, known), _of_motion(sense, known, len(found.values))]
    reasons += [_of_order(found.numbers), _of_place(clue, found.address)]
    if found.way.offset or (found.way.factor != 1.0 and found.way.name):
        reasons.append(f"given in {found.way.name}")
    if found.numbers.negative_from:
        reasons.append(f"negative from {found.numbers.negative_from} on, as some boxes code it")
    if found.numbers.type.startswith("bcd"):
        reasons.append("but BCD is rare, and profiles cannot say it")
    return tuple(reason for reason in reasons if reason)


def _of_value(clue: Clue, sense: Sense, known: list[float]) -> str:
    if clue.value is not None:
        shown = clue.value
        apart = min(abs(value - shown) for value in known)
        if apart <= 0.6 * clue.step:
            return f"equals the display's {clue.shown}"
        return f"{'' if apart <= 3 * clue.step else 'but '}{apart:.3g} from the display's {clue.shown}"
    if not clue.quantity:
        return ""
    if known[0] == 0:
        return "but 0 says little"
    likely = sense.density(known[0]) / sense.peak
    how = "is usual" if likely >= _USUAL else "is rare" if likely < _RARE else "is possible"
    return f"{'but ' if likely < _RARE else ''}{known[0]:.5g} {how} for {clue.quantity}"


def _of_motion(sense: Sense, known: list[float], rounds: int) -> str:
    if rounds < 2:
        return ""
    largest = max((abs(after - before) for before, after in pairwise(known)), default=0.0)
    if not largest:
        return f"stood still in {rounds} readings"
    if largest > 20 * sense.step and largest > 0.02 * abs(known[0]):
        return f"but jumps by {largest:.3g} between readings"
    return f"moves smoothly (by {largest:.3g} at most)"


def _of_order(numbers: Numbers) -> str:
    if numbers.byte_order == "CDAB":
        return "low word first, as many devices have it"
    if numbers.byte_order == "ABCD":
        return ""
    return "but swaps the bytes of a register, which is rare"


def _of_place(clue: Clue, address: int) -> str:
    if clue.register is None or clue.register == address:
        return ""
    number = clue.register % 10_000 if clue.register > 29_999 else clue.register
    if address == number - 1:
        return f"the manual's {clue.register} is {address} on the wire: it counts from 1"
    if address == number + 1:
        return f"but one behind register {clue.register}"
    return f"register {clue.register} taken as address {address}"
