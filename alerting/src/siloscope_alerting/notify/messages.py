"""What the payload of each kind of message holds: written where the message is decided, read where it is put in words.

A payload is plain JSON. A field may be added, with a default: messages of the version before are still in the outbox.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from siloscope_alerting.life import Transition
from siloscope_alerting.ports import AlertFacts, IncidentFacts

MOST_TRANSITIONS = 20


class IncidentMessage(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that fires, changed, goes on or is over; also what late data shows of the past.

    Attributes:
        at: When it was decided to tell, by the database's clock.
        transitions: What has just happened: subject, states before and after, reason, event time.
        heard: The alerts that it is about, also those that it has no line for.
    """

    at: datetime
    incident: IncidentFacts
    transitions: Sequence[Mapping[str, Any]] = ()
    heard: Sequence[int] = ()


class SummaryItem(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was held back; its incident has its worst alert alone."""

    kind: str
    severity: str
    incident: IncidentFacts | None = None


class SummaryMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel's limit held back; `items` are at most twenty of the `count`."""

    at: datetime
    channel: str
    since: datetime
    count: int
    items: Sequence[SummaryItem] = ()


class SiteCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many of a site's channels report."""

    site: str
    reporting: int
    expected: int


class DigestMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The regular message that all is quiet, or what is not.

    Attributes:
        reporting: Of the `expected` channels, those whose newest reading is live.
        open: Open alerts, worst first, at most fifty of `open_count`.
        failing: Slugs of notification channels that fail.
        delivered: Messages that went out since the digest before.
    """

    at: datetime
    digest: str
    time_zone: str
    reporting: int
    expected: int
    sites: Sequence[SiteCount] = ()
    open: Sequence[AlertFacts] = ()
    open_count: int = 0
    failing: Sequence[str] = ()
    delivered: int = 0
    next_at: datetime | None = None


class TestMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that only proves its way."""

    at: datetime | None = None
    author: str = ""


class FailingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A channel that cannot be reached, told by the others.

    Attributes:
        detail: What its service said last.
        waiting: Messages that wait for it.
        lost: The service refused a message for good.
    """

    at: datetime
    channel: str
    channel_kind: str
    since: datetime
    detail: str
    waiting: int
    lost: bool = False


Message = IncidentMessage | SummaryMessage | DigestMessage | TestMessage | FailingMessage
_OTHERS: Mapping[str, type[Message]] = {
    "summary": SummaryMessage,
    "digest": DigestMessage,
    "test": TestMessage,
    "channel_failing": FailingMessage,
}


def payload_of(message: Message) -> dict[str, Any]:
    """Return a message as the outbox keeps it."""
    plain: dict[str, Any] = msgspec.to_builtins(message)
    return plain


def incident_payload(
    incident: IncidentFacts, transitions: Sequence[Transition], at: datetime, *, heard: Sequence[int] = ()
) -> dict[str, Any]:
    """Return the payload of a message about an incident."""
    told = [
        {
            "rule_id": each.key.rule_id,
            "subject_kind": each.key.subject_kind.value,
            "subject_id": each.key.subject_id,
            "before": each.change.before.value,
            "after": each.change.after.value,
            "reason": each.change.reason.value,
            "at_ms": each.change.at_ms,
        }
        for each in transitions[:MOST_TRANSITIONS]
    ]
    return payload_of(IncidentMessage(at=at, incident=incident, transitions=told, heard=heard))


def message_of(kind: str, payload: Mapping[str, Any]) -> Message:
    """Return the message that a payload holds.

    Raises:
        msgspec.ValidationError: It holds none.
    """
    if kind == "test" and "incident" in payload:
        return msgspec.convert(payload, IncidentMessage)
    return msgspec.convert(payload, _OTHERS.get(kind, IncidentMessage))
