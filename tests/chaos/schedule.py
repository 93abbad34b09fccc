"""Which faults happen, to whom, for how long: all of it from a seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a fault is."""

    KILL = "kill"
    STOP = "stop"
    FREEZE = "freeze"
    CUT = "cut"
    REFUSE = "refuse"
    HOLD = "hold"
    SWALLOW = "swallow"
    HALF_OPEN = "half_open"
    DELAY = "delay"
    THROTTLE = "throttle"
    TRUNCATE = "truncate"
    FLIP = "flip"
    LOCK_TABLE = "lock_table"
    LOCK_ROWS = "lock_rows"
    END_SESSIONS = "end_sessions"
    CLOCK_STEP = "clock_step"
    CLOCK_WILD = "clock_wild"
    DUPLICATED = "messages_duplicated"
    REORDERED = "messages_reordered"
    DELAYED = "messages_days_late"
    CUT_SHORT = "messages_truncated"
    FLIPPED = "messages_flipped"
    PLAIN = "plain_devices"
    DISK_FULL = "disk_full"
    BACKUP = "backup"
    RESTORE = "backup_restored"
    PROMOTE = "replica_promoted"
    CARD_COPY = "card_copied"
    CARD_RESTORED = "card_restored"
    CARD_CLONED = "card_cloned"


LINKS = ("edge-broker", "ingest-broker", "ingest-database", "jobs-database")
STREAM_LINK = "ingest-stream"
TABLES = ("sample", "sample_vitals", "latest", "node_epoch", "node", "channel", "quarantine", "node_session")
_ON_LINKS = (
    (Kind.CUT, 4),
    (Kind.REFUSE, 4),
    (Kind.HOLD, 4),
    (Kind.SWALLOW, 4),
    (Kind.HALF_OPEN, 4),
    (Kind.DELAY, 4),
    (Kind.THROTTLE, 3),
    (Kind.TRUNCATE, 5),
)
_HEAVY = {Kind.BACKUP, Kind.RESTORE, Kind.PROMOTE, Kind.CARD_COPY, Kind.CARD_RESTORED, Kind.CARD_CLONED, Kind.DISK_FULL}


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        number: Its place in the campaign, from 1.
        kind: What.
        victim: To whom: a process, a link, a table, a node; "" where the kind says it.
        hold_s: How long, where that means something.
        size: How much, where that means something.
        seed: For what else is left to chance.
        pause_s: Time until the next.
    """

    number: int
    kind: Kind
    victim: str
    hold_s: float
    size: int
    seed: int
    pause_s: float

    def __str__(self) -> str:
        """Return what a report says."""
        return f"{self.number} {self.kind} {self.victim} for {self.hold_s:.2f} s, size {self.size}"


@dataclass(frozen=True)
class Possible:
    """What can happen to a world.

    Attributes:
        processes: Names of what can be killed, with weights.
        freezable: Names of what can be frozen.
        nodes: Labels of nodes with a clock.
        agents: Labels of nodes that are the whole agent.
        links: What lies between the parts.
        flips: Bits may be flipped: every pack has a checksum.
        heavy: Kinds beyond the ordinary that this world can bear, with weights.
        longest_s: Longest time that a fault holds.
        mean_pause_s: Mean time between two.
        wild_samples: Samples of one burst of a wild clock.
    """

    processes: Sequence[tuple[str, int]]
    freezable: Sequence[str]
    nodes: Sequence[str]
    agents: Sequence[str] = ()
    links: Sequence[str] = LINKS
    heavy: Sequence[tuple[Kind, int]] = ()
    flips: bool = True
    longest_s: float = 2.0
    mean_pause_s: float = 0.5
    wild_samples: int = 300


def schedule(seed: int, count: int, possible: Possible) -> list[Fault]:
    """Return so many faults; the same seed and world give the same."""
    chance = random.Random(seed)
    choices = list(_choices(possible))
    weights = [weight for _, _, weight in choices]
    certain = _certain(count, possible)
    faults = []
    for number in range(1, count + 1):
        kind, victim, _ = chance.choices(choices, weights)[0]
        kind, victim = certain.get(number, (kind, victim))
        hold_s = possible.longest_s * (chance.random() ** 2 if number not in certain or kind not in _LOCKS else 1)
        pause_s = min(chance.expovariate(1 / possible.mean_pause_s), 6 * possible.mean_pause_s)
        size = possible.wild_samples if kind is Kind.CLOCK_WILD else chance.randint(1, 60)
        faults.append(Fault(number, kind, victim, hold_s, size, chance.randrange(2**31), pause_s))
    return faults


def _certain(count: int, possible: Possible) -> dict[int, tuple[Kind, str]]:
    """Return what every campaign has, by number: a backup before it is put back, and so on."""
    bearable = {kind for kind, _ in possible.heavy} | {Kind.CLOCK_WILD, *_LOCKS}
    of_agents = [(share, kind, possible.agents[0]) for share, kind in _CERTAIN_OF_AGENTS if possible.agents]
    return {
        max(1, int(share * count)): (kind, _wild(possible) if kind is Kind.CLOCK_WILD else victim)
        for share, kind, victim in (*_CERTAIN, *of_agents)
        if kind in bearable
    }


def _wild(possible: Possible) -> str:
    """Return whose clock goes wild for certain: one whose card stays, for it would take what was spooled along."""
    return next((label for label in possible.nodes if label not in _NODES_OF_CARDS), possible.nodes[0])


def _choices(possible: Possible) -> list[tuple[Kind, str, float]]:
    found: list[tuple[Kind, str, float]] = []
    of_cards = (*_NODES_OF_CARDS, *possible.agents)
    for name, weight in possible.processes:
        found += [(Kind.KILL, name, weight), (Kind.STOP, name, weight / 3)]
    found += [(Kind.FREEZE, name, 2) for name in possible.freezable]
    found += [(kind, link, weight / 2) for link in possible.links for kind, weight in _ON_LINKS]
    carrying = [link for link in ("edge-broker", "ingest-broker", STREAM_LINK) if link in possible.links]
    found += [(Kind.FLIP, link, 2) for link in carrying if possible.flips]
    found += [(Kind.LOCK_TABLE, table, 0.5) for table in TABLES]
    found += [(Kind.LOCK_ROWS, table, 0.5) for table in ("node_epoch", "latest", "node", "store_identity")]
    found += [(Kind.END_SESSIONS, "", 2)]
    found += [(kind, node, 6 / len(possible.nodes)) for node in possible.nodes for kind in _MESSAGES]
    found += [(kind, node, 1) for node in possible.agents for kind in _OF_GOOD_MESSAGES]
    found += [(Kind.CLOCK_STEP, node, 4 / len(possible.nodes)) for node in possible.nodes]
    found += [(Kind.CLOCK_WILD, node, 1 / len(possible.nodes)) for node in possible.nodes]
    found += [
        (kind, node, weight / len(of_cards)) for kind, weight in possible.heavy if kind in _CARDS for node in of_cards
    ]
    found += [(kind, "", weight) for kind, weight in possible.heavy if kind not in _CARDS]
    return found


_CARDS = (Kind.CARD_COPY, Kind.CARD_RESTORED, Kind.CARD_CLONED)
_NODES_OF_CARDS = ("alder", "birch")
_LOCKS = (Kind.LOCK_TABLE, Kind.LOCK_ROWS)
"""Those that are certain hold for the longest time that a fault does."""
_CERTAIN = (
    (0.1, Kind.LOCK_TABLE, "sample"),
    (0.15, Kind.BACKUP, ""),
    (0.2, Kind.CARD_COPY, "alder"),
    (0.3, Kind.DISK_FULL, ""),
    (0.35, Kind.CARD_CLONED, "birch"),
    (0.4, Kind.CLOCK_WILD, ""),
    (0.5, Kind.RESTORE, ""),
    (0.55, Kind.LOCK_ROWS, "node_epoch"),
    (0.6, Kind.CARD_RESTORED, "alder"),
    (0.7, Kind.DISK_FULL, ""),
    (0.8, Kind.PROMOTE, ""),
)
_CERTAIN_OF_AGENTS = ((0.25, Kind.CARD_COPY), (0.45, Kind.CARD_CLONED), (0.65, Kind.CARD_RESTORED))
_OF_GOOD_MESSAGES = (Kind.DUPLICATED, Kind.REORDERED, Kind.CUT_SHORT, Kind.FLIPPED)
_MESSAGES = (Kind.DUPLICATED, Kind.REORDERED, Kind.DELAYED, Kind.CUT_SHORT, Kind.FLIPPED, Kind.PLAIN)
