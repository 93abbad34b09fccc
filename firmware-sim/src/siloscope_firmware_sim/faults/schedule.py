"""Which faults happen, to whom, when and for how long: all of it from a seed. No I/O, no clock of its own."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What can go wrong."""

    DEAD = "dead"  # an instrument that says nothing
    SLOW = "slow"  # one that answers late: sometimes behind the master's time-out
    WRONG_CHECKSUM = "wrong_checksum"
    TORN = "torn"  # an answer that ends too early
    EXCEPTIONS = "exceptions"  # every request is refused
    STUCK = "stuck"  # the element says for ever what it said then
    DRIFTING = "drifting"  # and here more and more
    MISSING = "missing"  # no element: a sentinel, a NaN, a dash, an empty field, as the instrument has it
    NOISE = "noise"  # on a line: bytes between frames
    ECHO = "echo"  # an adapter that sends back what it was given
    UNPLUGGED = "unplugged"  # an adapter that is pulled; it may come back under another name
    CLOCK_STEP = "clock_step"  # somebody sets the wall clock of a node
    POWER_CUT = "power_cut"  # a node boots, and its clock begins wrong
    LINK_CUT = "link_cut"  # no connection to the broker
    LINK_DEAF = "link_deaf"  # the connection stands, and nothing passes
    DATABASE_AWAY = "database_away"  # the broker takes everything, and nobody commits it


DEVICE_KINDS = (
    Kind.DEAD,
    Kind.SLOW,
    Kind.WRONG_CHECKSUM,
    Kind.TORN,
    Kind.EXCEPTIONS,
    Kind.STUCK,
    Kind.DRIFTING,
    Kind.MISSING,
)
LINE_KINDS = (Kind.NOISE, Kind.ECHO, Kind.UNPLUGGED)
NODE_KINDS = (Kind.CLOCK_STEP, Kind.POWER_CUT, Kind.LINK_CUT, Kind.LINK_DEAF, Kind.DATABASE_AWAY)
_SECONDS: Mapping[Kind, tuple[float, float]] = {
    Kind.SLOW: (20, 240),
    Kind.STUCK: (60, 600),
    Kind.DRIFTING: (60, 600),
    Kind.MISSING: (20, 300),
    Kind.UNPLUGGED: (5, 180),
    Kind.LINK_CUT: (2, 300),
    Kind.LINK_DEAF: (5, 90),
    Kind.DATABASE_AWAY: (5, 300),
}
_USUAL_SECONDS = (10.0, 240.0)


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        kind: What.
        victim: The instrument, line or node.
        at_s: When it begins.
        for_s: How long it lasts.
        size: 0 to 1: how bad, where that means something.
    """

    kind: Kind
    victim: str
    at_s: float
    for_s: float
    size: float

    @property
    def until_s(self) -> float:
        """When it is over."""
        return self.at_s + self.for_s

    def __str__(self) -> str:
        """Return what a report says."""
        return f"{self.at_s:.0f} s: {self.kind} {self.victim} for {self.for_s:.0f} s, size {self.size:.2f}"


def schedule(
    seed: int, seconds: float, victims: Mapping[Kind, Sequence[str]], *, per_hour: float = 120.0
) -> list[Fault]:
    """Return the faults of so many seconds, in order; every kind that has a victim comes at least once.

    Two of one kind never overlap on one victim.
    """
    chance = random.Random(seed)
    kinds = [kind for kind in Kind if victims.get(kind)]
    count = max(len(kinds), round(per_hour * seconds / 3600))
    drawn = kinds + chance.choices(kinds, k=count - len(kinds))
    faults: list[Fault] = []
    for kind in drawn:
        least_s, most_s = _SECONDS.get(kind, _USUAL_SECONDS)
        for_s = min(chance.uniform(least_s, most_s), seconds / 4)
        fault = Fault(kind, chance.choice(victims[kind]), chance.uniform(0, seconds - for_s), for_s, chance.random())
        if not any(_clash(fault, other) for other in faults):
            faults.append(fault)
    return sorted(faults, key=lambda fault: fault.at_s)


class Faults:
    """What is wrong at an instant.

    Args:
        plan: All faults.
    """

    def __init__(self, plan: Sequence[Fault] = ()) -> None:
        self._of: dict[tuple[Kind, str], list[Fault]] = {}
        for fault in plan:
            self._of.setdefault((fault.kind, fault.victim), []).append(fault)

    def on(self, kind: Kind, victim: str, now_s: float) -> Fault | None:
        """Return the fault of a kind that a victim suffers from now."""
        for fault in self._of.get((kind, victim), ()):
            if fault.at_s <= now_s < fault.until_s:
                return fault
        return None


def _clash(one: Fault, other: Fault) -> bool:
    alike = one.kind is other.kind and one.victim == other.victim
    return alike and one.at_s < other.until_s and other.at_s < one.until_s
