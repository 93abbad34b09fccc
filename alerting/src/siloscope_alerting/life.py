"""The data of an alert's life: what is seen, what is remembered, what changed. `machine` has the rules that join them.

All times are event times in UTC epoch milliseconds unless they say otherwise.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import msgspec

from siloscope_contract.alerts.words import Reason, Severity, State, SubjectKind


class Truth(IntEnum):
    """Kleene's three values, as the columns of a round hold them (int8)."""

    UNKNOWN = -1
    FALSE = 0
    TRUE = 1


class Key(msgspec.Struct, frozen=True, order=True):
    """What a state belongs to: one subject of one rule."""

    rule_id: int
    subject_kind: SubjectKind
    subject_id: int


class Timing(msgspec.Struct, frozen=True):
    """What the state machine needs of a rule, in milliseconds."""

    hold_ms: int
    clear_hold_ms: int
    longest_gap_ms: int
    """More than this between two readings leaves a gap in a hold; the delivery allowance of the slowest channel."""
    flap_firings: int
    flap_within_ms: int


class Seen(msgspec.Struct, frozen=True):
    """What one instant says about a subject.

    Attributes:
        at_ms: The instant.
        breached: The condition at its levels.
        cleared: The opposite at its clear levels: TRUE lets the alert clear, FALSE keeps it.
        reason: Why it is unknown, where it is.
        late: It arrived later than its channel's delivery allowance: it may fill gaps, and opens nothing.
        tick: No reading: time alone has passed up to this instant.
        facts: Values for the history and the message.
        gate: Why nothing may open now: MAINTENANCE, OFF_SCHEDULE or INHIBITED.
    """

    at_ms: int
    breached: Truth
    cleared: Truth
    reason: Reason | None = None
    late: bool = False
    tick: bool = False
    facts: Mapping[str, Any] = {}
    gate: Reason | None = None


class Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is remembered of a subject between two instants; the default is one that is simply ok.

    Attributes:
        state: As people see it; RESOLVED is never remembered, it is OK.
        behind: While UNKNOWN, the state that will be gone on from.
        last_ms: The newest instant that said something; older ones only fill gaps.
        began_ms: First breach of the hold that is under way, or of the episode that fires.
        stretches: Earlier stretches of that hold, first and last breach of each: gaps part them from each other and
            from `began_ms`, and late data that breaches throughout a gap joins them again.
        cut_ms: Newest late reading that did not breach: nothing before it belongs to the hold.
        clear_ms: First instant on the good side of the clear level.
        firings_ms: When it fired lately, for flapping.
        flapping: It is told as one that flaps.
        transitions: How many transitions the open episode has.
        silenced_by: INHIBITED: it would fire, or is not repeated, while a rule that it depends on fires.
    """

    state: State = State.OK
    behind: State | None = None
    last_ms: int | None = None
    began_ms: int | None = None
    stretches: tuple[tuple[int, int], ...] = ()
    cut_ms: int | None = None
    clear_ms: int | None = None
    firings_ms: tuple[int, ...] = ()
    flapping: bool = False
    transitions: int = 0
    silenced_by: Reason | None = None


FRESH = Memory()


class Change(msgspec.Struct, frozen=True):
    """One step of the state machine, before it has a subject."""

    before: State
    after: State
    reason: Reason
    at_ms: int
    facts: Mapping[str, Any] = {}


class Transition(msgspec.Struct, frozen=True):
    """A change of one subject of one rule, numbered within its episode from 1."""

    key: Key
    number: int
    change: Change
    severity: Severity
    rule_version: int


class Retrospect(msgspec.Struct, frozen=True):
    """What late data shows of a subject that nobody could be told of in time: an excursion of the past.

    When later batches of late data prolong it, it is reported again, longer, with the same `from_ms`.
    """

    key: Key
    rule_version: int
    severity: Severity
    from_ms: int
    to_ms: int
    worst: float | None
    now: float | None
    unit: str
