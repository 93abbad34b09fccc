"""What a round works on: readings and subjects as columns. All arrays of one struct have one length."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from siloscope_alerting.life import Key, Memory, Retrospect, Transition
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.selectors import Matcher

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float = NDArray[np.float64]
Flags = NDArray[np.bool_]


class ChannelFacts(Struct, frozen=True, gc=False):
    """What is known of a channel; `Catalogue.channels[k]` stands at row k of every column over channels.

    Attributes:
        tags: Attributes of its place over those of its device, as texts.
        interval_s: Expected; None = unknown, and it is never judged absent.
        allowance_s: Its delivery allowance.
        fill_level: Of its place, where that says one.
    """

    channel_id: int
    group_id: int
    position: int
    org_id: int
    site_id: int
    node_id: int
    device_id: int
    place_id: int | None
    site: str
    node: str
    device: str
    key: str
    place: str | None
    place_kind: str | None
    spot: str | None
    cable: int | None
    level: int | None
    quantity: str
    unit: str
    tags: Mapping[str, str]
    interval_s: float | None
    allowance_s: float
    vitals: bool
    time_zone: str
    title: str
    fill_level: float | None = None


@dataclass(frozen=True)
class Catalogue:
    """All channels that are not retired, ordered by (group_id, position), and names for messages."""

    channels: Sequence[ChannelFacts]
    names: Mapping[tuple[str, int], str] = field(default_factory=dict)
    """Of ("site", id), ("node", id), ("place", id), ("organisation", id)."""
    made: dict[str, object] = field(default_factory=dict, compare=False, repr=False)
    """What was made of it and is needed more than once."""


@dataclass(frozen=True)
class Readings:
    """New readings, ordered by time within a channel; several of one channel may be among them.

    Attributes:
        row: Row in the catalogue.
        time_ms: Event time.
        value: NaN where the reading failed.
        quality: The contract's code.
        late: It came after its channel's allowance.
    """

    row: Int32
    time_ms: Int64
    value: Float
    quality: NDArray[np.int16]
    late: Flags


@dataclass(frozen=True)
class Maintenance:
    """A maintenance window as it is now: what begins within it opens nothing."""

    org_id: int
    matcher: Matcher
    from_ms: int
    to_ms: int


@dataclass(frozen=True)
class Judgement:
    """What server time allows to be said about absence.

    Attributes:
        absent_to_ms: Server time less ingest lag: what has not come for longer than is expected before it is absent.
        platform_down: Broker or ingest are away: absence is unknown.
        silent_nodes: node_id and since when; their channels' alerts are unknown, their no-data alerts held back.
        silent_sites: site_id and since when: all its nodes are silent.
        metrics: Figures of the platform: (metric, node_id or None) to value.
        maintenance: Windows that touch the times of this round.
        now_ms: Server time; readings from the future wait for it. None = they are taken at once.
        up_since_ms: When our own last outage ended: what is missing may be on its way still.
    """

    absent_to_ms: int
    platform_down: bool = False
    silent_nodes: Mapping[int, int] = field(default_factory=dict)
    silent_sites: Mapping[int, int] = field(default_factory=dict)
    metrics: Mapping[tuple[str, int | None], float] = field(default_factory=dict)
    maintenance: Sequence[Maintenance] = ()
    now_ms: int | None = None
    up_since_ms: int = 0


@dataclass(frozen=True)
class BoundRule:
    """A rule as the database has it."""

    rule_id: int
    version: int
    org_id: int
    rule: Rule


@dataclass(frozen=True)
class Outcome:
    """What a round found: all of it is written in one transaction, or none.

    Attributes:
        transitions: In order of event time within a key; the order of keys says nothing.
        memories: Every memory that changed; FRESH = forget it.
        due_ms: When time alone changes something next, for those memories; absent = never.
        retrospects: Excursions of the past.
        facts: Counts for metrics: subjects looked at, steps taken.
    """

    transitions: Sequence[Transition] = ()
    memories: Mapping[Key, Memory] = field(default_factory=dict)
    due_ms: Mapping[Key, int] = field(default_factory=dict)
    retrospects: Sequence[Retrospect] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
