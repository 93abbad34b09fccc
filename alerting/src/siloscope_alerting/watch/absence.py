"""Who is silent, judged on the server's clock less the known lag of ingest; pure.

Nobody is called silent for an outage of ours: while no ingest worker hears its broker absence is unknown, and
afterwards it counts from the outage's end on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from siloscope_alerting.columns import Judgement
from siloscope_process.clock import to_ms
from siloscope_store.ingest_presence import WorkerPresence

PRESENT_MS = 15_000
"""An ingest worker that said nothing for longer does not run."""
INTERVALS = 3.0
"""A group is overdue after so many of its intervals."""
LEAST_SILENCE_MS = 120_000
LEAST_ALLOWANCE_S = 60.0
"""The delivery allowance of a group whose birth does not say one, where two of its intervals are less."""


@dataclass(frozen=True)
class ExpectedGroup:
    """A group of samples with a known interval.

    Attributes:
        arrived_ms: When its newest sample was stored; None = it never had one.
        limit_ms: It is overdue when nothing came for longer.
    """

    arrived_ms: int | None
    limit_ms: int


@dataclass(frozen=True)
class NodeSight:
    """What was heard of a node.

    Attributes:
        heard_ms: Its newest pack or heartbeat.
        groups: Those of its groups that are expected at an interval.
    """

    node_id: int
    site_id: int
    heard_ms: int | None
    groups: Sequence[ExpectedGroup]


def limit_ms(interval_s: float, least_ms: int = LEAST_SILENCE_MS) -> int:
    """Return after how long a group of this interval is overdue."""
    return max(round(INTERVALS * interval_s * 1000), least_ms)


def group_limit_ms(interval_s: float, allowance_s: float, least_ms: int) -> int:
    """Return after how long without a sample a group is overdue, one that says how late it delivers later than that.

    The allowance of who says nothing is a minute at least. It keeps readings from being called late, and would keep
    whoever wants to know of a silence sooner than that from ever being told.
    """
    usual_s = max(2 * interval_s, LEAST_ALLOWANCE_S)
    said_ms = 0 if allowance_s == usual_s else round((interval_s + allowance_s) * 1000)
    return max(limit_ms(interval_s, least_ms), said_ms)


def is_down(presence: Iterable[WorkerPresence], now_ms: int) -> bool:
    """Say whether no ingest worker runs and hears its broker."""
    return not any(each.broker_connected and now_ms - to_ms(each.seen_at) <= PRESENT_MS for each in presence)


def lag_ms(presence: Iterable[WorkerPresence], now_ms: int) -> int:
    """Return how far ingest is behind: the oldest message that a running worker has not committed."""
    running = [each for each in presence if now_ms - to_ms(each.seen_at) <= PRESENT_MS]
    return max((round(each.lag_s * 1000) for each in running), default=0)


def judge(
    nodes: Iterable[NodeSight],
    presence: Sequence[WorkerPresence],
    now_ms: int,
    *,
    up_since_ms: int = 0,
    known: Mapping[int, int] | None = None,
    least_ms: int = LEAST_SILENCE_MS,
) -> Judgement:
    """Say who is silent.

    Args:
        nodes: What was heard of each.
        presence: What ingest workers say of themselves.
        now_ms: The server's clock.
        up_since_ms: When our own last outage ended: silence counts from then on.
        known: Nodes that are known to be silent, and since when: they stay so until something new is heard of them.
        least_ms: Nobody is silent who was heard of within this.

    Returns:
        The judgement; without figures of the platform and without maintenance windows.
    """
    down = is_down(presence, now_ms)
    absent_to_ms = now_ms - lag_ms(presence, now_ms)
    silent: dict[int, int] = {}
    expected: dict[int, list[int | None]] = {}
    for node in nodes:
        if not node.groups:
            continue
        since_ms = _silent_since(node, absent_to_ms, up_since_ms, (known or {}).get(node.node_id), least_ms, down=down)
        expected.setdefault(node.site_id, []).append(since_ms)
        if since_ms is not None:
            silent[node.node_id] = since_ms
    sites = {
        site_id: max(each for each in sinces if each is not None)
        for site_id, sinces in expected.items()
        if None not in sinces
    }
    return Judgement(absent_to_ms, down, silent, sites, now_ms=now_ms)


def _silent_since(
    node: NodeSight, absent_to_ms: int, up_since_ms: int, known_ms: int | None, least_ms: int, *, down: bool
) -> int | None:
    """Return when a node was heard of last, where it is silent."""
    arrivals = [each.arrived_ms for each in node.groups if each.arrived_ms is not None]
    heard = [*arrivals, *([] if node.heard_ms is None else [node.heard_ms])]
    if not heard:
        return None  # never heard of: announced, but not at work yet
    last_ms = max(heard)
    if known_ms is not None and last_ms <= known_ms:
        return known_ms
    if down:
        return None
    own_ms = max(least_ms, min(each.limit_ms for each in node.groups))
    overdue = absent_to_ms - max(node.heard_ms or 0, up_since_ms) > own_ms and all(
        absent_to_ms - max(each.arrived_ms or 0, up_since_ms) > each.limit_ms for each in node.groups
    )
    return last_ms if overdue else None
