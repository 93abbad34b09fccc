"""What is so at a round, as far as causes need it."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from siloscope_alerting.columns import Judgement
from siloscope_alerting.watch.incidents import OpenAlert


@dataclass(frozen=True)
class Present:
    """What is so at this round.

    Attributes:
        now_ms: The server's clock.
        heard_ms: When each node was heard of last.
        owing: Nodes that say that they hold more.
        marked_ms: When late data of a site came last.
        nodes: Expected nodes of each site, and how many channels each node has.
        organisation_of: Of each site.
        rule_name, subject, node_name: How things are called.
    """

    now_ms: int
    judgement: Judgement
    heard_ms: Mapping[int, int] = field(default_factory=dict)
    owing: AbstractSet[int] = frozenset()
    marked_ms: Mapping[int, int] = field(default_factory=dict)
    nodes: Mapping[int, Mapping[int, int]] = field(default_factory=dict)
    organisation_of: Mapping[int, int] = field(default_factory=dict)
    rule_name: Callable[[OpenAlert], str] = lambda alert: str(alert.key.rule_id)
    subject: Callable[[OpenAlert], str] = lambda alert: str(alert.key.subject_id)
    node_name: Callable[[int], str] = str
