"""What the parts of alerting need of each other, and of the database; tests fulfil them with fakes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from siloscope_alerting.columns import BoundRule, Catalogue, Float, Int64, Judgement, Outcome, Readings
from siloscope_alerting.life import Key, Memory, Transition
from siloscope_contract.alerts.routes import Channel
from siloscope_contract.alerts.words import Cause, Severity


class Clock(Protocol):
    """What alerting asks of time, as siloscope_process.clock.Clock."""

    def now_ms(self) -> int: ...

    def now(self) -> datetime: ...

    def monotonic_s(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True)
class News:
    """What was committed since the last look.

    Attributes:
        cursor: Snapshot to go on from; it is written with the outcome.
        readings: In-time and late ones.
        judgement: What may be said about absence.
    """

    cursor: str
    readings: Readings
    judgement: Judgement


class History(Protocol):
    """Reads stored samples again, for windows, gaps and backtests."""

    async def between(self, rows: Sequence[int], from_ms: int, to_ms: int) -> Mapping[int, tuple[Int64, Float]]:
        """Return times and values (NaN = failed) of [from, to) per catalogue row, oldest first."""
        ...


class Watch(Protocol):
    """Tells what is new, and keeps what follows from it."""

    async def catalogue(self) -> Catalogue | None:
        """Return the channels where they changed since the last call; None where they did not."""
        ...

    async def rules(self) -> Sequence[BoundRule] | None:
        """Return all enabled rules where one changed since the last call; None where none did."""
        ...

    async def memories(self) -> Mapping[Key, Memory]:
        """Return everything that is not simply ok."""
        ...

    async def news(self, *, anyway: bool = False) -> News | None:
        """Return what was committed since the cursor that was kept last.

        None where some of it is of channels that the catalogue lacks, unless it is wanted anyway.
        """
        ...

    async def keep(self, news: News, outcome: Outcome) -> None:
        """Write transitions, memories, incidents, notifications and the cursor in one transaction.

        Raises:
            Fenced: Another evaluator has a higher term; nothing is written.
        """
        ...


class Evaluator(Protocol):
    """The engine: pure between its calls, without I/O or clock."""

    def arrange(self, catalogue: Catalogue, rules: Sequence[BoundRule], memories: Mapping[Key, Memory]) -> Outcome:
        """Take channels and rules anew; what that ends or changes is the outcome.

        Rules are judged by what is known of their channels in the next round, so that a new rule need not wait for
        readings.
        """
        ...

    def take_known(self, newest: Readings) -> None:
        """Take the newest reading of channels (one each) as known, after a start or for channels that are new.

        Nothing happens by it: it says what neighbours show, and since when a channel is silent.
        """
        ...

    def wanted_history(self) -> Mapping[int, int]:
        """Return, per catalogue row, how many milliseconds back its windows reach and are not yet filled."""
        ...

    def recall(self, history: Mapping[int, tuple[Int64, Float]]) -> None:
        """Fill windows."""
        ...

    def round(self, readings: Readings, judgement: Judgement) -> Outcome:
        """Evaluate what is new and what is due."""
        ...


@dataclass(frozen=True)
class AlertFacts:
    """One alert of an incident, as a message shows it."""

    alert_id: int
    rule: str
    rule_name: str
    severity: Severity
    state: str
    reason: str
    subject: str
    site: str
    place: str | None
    labels: Mapping[str, str]
    facts: Mapping[str, Any]
    began_at: datetime
    fired_at: datetime | None
    ended_at: datetime | None
    channel_id: int | None = None


@dataclass(frozen=True)
class IncidentFacts:
    """Everything that one message says.

    Attributes:
        alerts: Worst first, at most 50; `alerts_count` says how many there are.
        templates: The rule's own messages by language, where one rule alone is the cause.
        facts: What no alert says. Always `count`, how many messages about it there are with this one. Of silence:
            `silent_channels` and `channels` (how many of how many), `silent_nodes` (names), `since` (ISO 8601, UTC),
            and what fired when it went silent as `firing`, a list of `alert_id`, `rule_name`, `subject`. Of flapping:
            `flapping` true and `firings`, how often it fired lately. Of what late data shows: `retrospects`, a list of
            `rule_name`, `subject`, `from`, `to`, `worst`, `now`, `unit`.
    """

    incident_id: int
    org_id: int
    cause: Cause
    severity: Severity
    site_id: int | None
    site: str
    time_zone: str
    opened_at: datetime
    closed_at: datetime | None
    alerts: Sequence[AlertFacts]
    alerts_count: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)


NotificationKind = Literal[
    "firing", "resolved", "escalated", "repeated", "changed", "retrospective", "summary", "digest", "test",
    "channel_failing",
]  # fmt: skip


@dataclass(frozen=True)
class Notification:
    """A row for the outbox.

    Attributes:
        notification_id: UUID version 5 of the dedup key: idempotency key, and what the Message-ID is made of.
        dedup_key: `incident/<id>/route/<id>/step/<n>/<kind>/<count>`.
    """

    notification_id: UUID
    dedup_key: str
    org_id: int
    channel_id: int
    kind: NotificationKind
    severity: Severity
    due_at: datetime
    payload: Mapping[str, Any]
    incident_id: int | None = None
    route_id: int | None = None
    step: int = 0


class Router(Protocol):
    """Decides whom an incident is told to: pure, from the routes and silences that it was made with."""

    def plan(
        self, incident: IncidentFacts, happened: NotificationKind, transitions: Sequence[Transition], at: datetime
    ) -> Sequence[Notification]:
        """Return what is to be enqueued; called within the transaction that writes the transitions."""
        ...


@dataclass(frozen=True)
class Rendered:
    """A message in its reader's words, as a sender takes it.

    Attributes:
        text: Begins with the title.
        links: By what they do: `acknowledge`, `snooze`, `open`.
        labels: What a button that does this is called.
        button: Callback data of Telegram's button that acknowledges.
    """

    notification_id: UUID
    title: str
    text: str
    html: str
    picture_png: bytes | None
    links: Mapping[str, str]
    payload: Mapping[str, Any]
    labels: Mapping[str, str] = field(default_factory=dict)
    button: str | None = None


class Sender(Protocol):
    """Hands one message to one service; does not return before the service has it."""

    async def send(self, channel: Channel, secrets: Mapping[str, str], message: Rendered) -> None:
        """Send.

        Raises:
            TryAgain: The service is away, busy or limits us.
            Undeliverable: It refuses this message.
        """
        ...
