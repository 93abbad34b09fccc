"""Alerts and incidents that are open, as the evaluator holds them between two rounds; the database has them too."""

from typing import Any

import msgspec

from siloscope_alerting.life import Key
from siloscope_contract.alerts.words import Cause, Reason, Severity, State

_BOOK = "book"


class OpenAlert(msgspec.Struct):
    """One episode of a rule and subject; one that ended stays as long as its incident is open.

    Attributes:
        began_ms, fired_ms, ended_ms: In event time.
        retrospective: It is of the past: nobody could be told in time.
    """

    alert_id: int
    key: Key
    rule_version: int
    org_id: int
    severity: Severity
    state: State
    reason: Reason
    began_ms: int
    site_id: int | None = None
    node_id: int | None = None
    place_id: int | None = None
    channel_id: int | None = None
    incident_id: int | None = None
    labels: dict[str, str] = {}
    facts: dict[str, Any] = {}
    fired_ms: int | None = None
    ended_ms: int | None = None
    flapping: bool = False
    retrospective: bool = False
    inhibited_by: int | None = None


class Book(msgspec.Struct):
    """What was told of an incident, and what it waits for; kept beside its facts.

    Attributes:
        count: Messages so far.
        told: Alerts that they named.
        told_ms: When the last went out, on the server's clock.
        flapping: Whether it was told that it flaps.
        returned_ms: Since when data come again of what was silent.
        silent: The nodes that were silent when it was told, and since when.
        changed: It took the place of an incident that was told.
        steps: Of the alerts that say nothing but the silence itself, how many transitions each has.
    """

    count: int = 0
    told: list[int] = []
    told_ms: int = 0
    flapping: bool = False
    returned_ms: int | None = None
    silent: dict[int, int] = {}
    changed: bool = False
    steps: dict[int, int] = {}


class Incident(msgspec.Struct):
    """Everything that has one cause.

    Attributes:
        incident_id: 0 until it is told for the first time: what may yet be folded into another stands nowhere else.
        opened_ms, closed_ms: On the server's clock.
        alerts: By alert_id, those that ended too.
    """

    org_id: int
    cause: Cause
    group_key: str
    severity: Severity
    opened_ms: int
    site_id: int | None = None
    node_id: int | None = None
    incident_id: int = 0
    closed_ms: int | None = None
    facts: dict[str, Any] = {}
    book: Book = msgspec.field(default_factory=Book)
    alerts: dict[int, OpenAlert] = {}

    def join(self, alert: OpenAlert) -> None:
        """Take an alert in; the worst of them says how much the incident matters."""
        self.alerts[alert.alert_id] = alert
        if self.incident_id:
            alert.incident_id = self.incident_id
        if alert.severity.rank > self.severity.rank:
            self.severity = alert.severity

    def named(self, incident_id: int) -> None:
        """Take the number that the database gave."""
        self.incident_id = incident_id
        for alert in self.alerts.values():
            alert.incident_id = incident_id

    def document(self) -> dict[str, Any]:
        """Return facts and book as they are stored."""
        return {**self.facts, "count": self.book.count, _BOOK: msgspec.to_builtins(self.book, str_keys=True)}


def read_facts(document: dict[str, Any]) -> tuple[dict[str, Any], Book]:
    """Return what `document` stored."""
    facts = {name: value for name, value in document.items() if name not in (_BOOK, "count")}
    return facts, msgspec.convert(document.get(_BOOK, {}), Book, str_keys=True)
