"""What templates are given: everything already in the reader's units, time zone and decimal mark. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from siloscope_alerting.notify.messages import (
    DigestMessage,
    FailingMessage,
    IncidentMessage,
    Message,
    SummaryItem,
    SummaryMessage,
)
from siloscope_alerting.notify.units import System, spoken
from siloscope_alerting.ports import AlertFacts, IncidentFacts
from siloscope_contract.alerts.builtin import SILENCE
from siloscope_contract.alerts.words import Severity

MOST_LINES = 12
_OF_DIFFERENCES = ("rate", "spread", "deviation", "stuck")
"""Kinds of conditions whose level and figure are differences of two values."""

_WITHOUT_LEVEL = ("no_data", "count")
_METRIC_UNITS = {"_s": "s", "_share": "/"}


@dataclass(frozen=True)
class Locale:
    """How a reader reads.

    Attributes:
        zone: IANA name.
        day: The local day of the message: times of it go without a date.
        durations: Signs of days, hours, minutes and seconds.
    """

    zone: str
    day: datetime
    system: System = "metric"
    decimal: str = "."
    signs: Mapping[str, str] = field(default_factory=dict)
    durations: Sequence[str] = ("d", "h", "min", "s")
    cable: str = "cable"
    level: str = "level"

    def when(self, at: datetime | None) -> str:
        """Return a local time."""
        if at is None:
            return ""
        local = at.astimezone(ZoneInfo(self.zone))
        same_day = local.date() == self.day.astimezone(ZoneInfo(self.zone)).date()
        return f"{local:%H:%M}" if same_day else f"{local:%Y-%m-%d %H:%M}"

    def lasted(self, length: timedelta) -> str:
        """Return a length of time in its two largest units."""
        left = max(round(length.total_seconds()), 0)
        parts = []
        for size_s, sign in zip((86_400, 3_600, 60, 1), self.durations, strict=True):
            count, left = divmod(left, size_s)
            parts.append((count, sign))
        first = next((number for number, (count, _) in enumerate(parts) if count), len(parts) - 1)
        return " ".join(f"{count} {sign}" for count, sign in parts[first : first + 2] if count) or f"0 {parts[-1][1]}"

    def value(self, value: Any, unit: str, *, difference: bool = False) -> str:
        """Return a value, or the two of a band; what is no number has no text."""
        if isinstance(value, list | tuple):
            return "–".join(self.value(each, unit, difference=difference) for each in value)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return ""
        if unit == "s":
            return self.lasted(timedelta(seconds=abs(value)))
        return spoken(value, unit, self.system, difference=difference, decimal=self.decimal, signs=self.signs)


def view_of(kind: str, message: Message, locale: Locale) -> dict[str, Any]:
    """Return what the templates of a message are given; fields that its kind has not are empty."""
    view: dict[str, Any] = {"kind": kind, "cause": "", "severity": "info", "site": "", "what": "", "zone": "", **_EMPTY}
    if isinstance(message, IncidentMessage):
        view |= _of_incident(message.incident, locale)
    elif isinstance(message, SummaryMessage):
        lines = [_held(each, locale) for each in message.items[:MOST_LINES]]
        view |= {"count": message.count, "since": locale.when(message.since), "lines": lines, "zone": locale.zone}
        view |= {"more": message.count - len(lines)}
    elif isinstance(message, DigestMessage):
        view |= _of_digest(message, locale)
    elif isinstance(message, FailingMessage):
        view |= {"severity": "warning", "channel": message.channel, "since": locale.when(message.since)}
        view |= {"detail": message.detail, "waiting": message.waiting, "lost": message.lost, "zone": locale.zone}
    return view


_EMPTY: Mapping[str, Any] = {"lines": [], "more": 0, "notes": [], "own": "", "nodes": [], "firing": [], "what_past": ""}


def line_of(alert: AlertFacts, locale: Locale) -> dict[str, Any]:
    """Return how an alert is told on one line; its facts are those of siloscope_alerting.engine.facts."""
    facts = alert.facts
    kind = str(facts.get("kind") or "threshold")
    unit = _unit(facts)
    level_unit = "/" if kind == "bad_share" else unit
    differs = kind in _OF_DIFFERENCES
    return {
        "form": "alert",
        "subject": _subject(alert, locale),
        "rule": alert.rule_name,
        "severity": alert.severity.value,
        "state": alert.state,
        "place": alert.place or "",
        "site": alert.site,
        "kind": kind,
        "value": locale.value(facts.get("value"), unit),
        "level": "" if kind in _WITHOUT_LEVEL else locale.value(facts.get("level"), level_unit, difference=differs),
        "figure": locale.value(facts.get("figure"), level_unit, difference=differs) if differs else "",
        "since": locale.when(alert.fired_at or alert.began_at),
        "until": locale.when(alert.ended_at),
        "labels": dict(alert.labels),
        "reason": alert.reason,
    }


def _unit(facts: Mapping[str, Any]) -> str:
    metric = str(facts.get("metric") or "")
    of_metric = next((unit for ending, unit in _METRIC_UNITS.items() if metric.endswith(ending)), "")
    return str(facts.get("unit") or of_metric)


def _subject(alert: AlertFacts, locale: Locale) -> str:
    """Return what an alert is about: within a place by cable and level, or by spot, in the reader's words."""
    facts = alert.facts
    found = [(locale.cable, facts.get("cable")), (locale.level, facts.get("height"))]
    within = [f"{word} {number}" for word, number in found if number is not None]
    if facts.get("spot"):
        within.append(str(facts["spot"]))
    return ", ".join([alert.place, *within]) if alert.place and within else alert.subject


def _of_incident(incident: IncidentFacts, locale: Locale) -> dict[str, Any]:
    incident = _without_silence(incident)
    facts = incident.facts
    firing = [
        {"form": "before", "subject": each["subject"], "rule": each["rule_name"]} for each in _list(facts, "firing")
    ]
    past = [_past(each, locale) for each in _list(facts, "retrospects")]
    lines = past or firing or [line_of(each, locale) for each in incident.alerts]
    alerts_more = 0 if past or firing else incident.alerts_count - len(incident.alerts)
    closed = incident.closed_at or locale.day
    since = _instant(facts.get("since")) or incident.opened_at
    return {
        "cause": incident.cause.value,
        "severity": incident.severity.value,
        "site": incident.site,
        "what": _what(incident, locale),
        "what_past": f"{past[0]['subject']}: {past[0]['rule']}" if past else "",
        "zone": locale.zone,
        "opened": locale.when(incident.opened_at),
        "closed": locale.when(closed),
        "since": locale.when(since),
        "lasted": locale.lasted(closed - since),
        "silent": facts.get("silent_channels", 0),
        "channels": facts.get("channels", 0),
        "nodes": [str(each) for each in facts.get("silent_nodes") or ()],
        "firing": firing,
        "firings": facts.get("firings", 0),
        "count": incident.alerts_count,
        "lines": lines[:MOST_LINES],
        "more": max(len(lines) - MOST_LINES, 0) + max(alerts_more, 0),
    }


def _without_silence(incident: IncidentFacts) -> IncidentFacts:
    """Return an incident without the alerts that say nothing but its silence: the words around them say it."""
    alerts = [each for each in incident.alerts if each.rule != SILENCE.rule]
    count = incident.alerts_count - len(incident.alerts) + len(alerts)
    return replace(incident, alerts=alerts, alerts_count=count)


def _of_digest(message: DigestMessage, locale: Locale) -> dict[str, Any]:
    missing = message.expected - message.reporting
    sites = [
        {"form": "site", "site": each.site, "reporting": each.reporting, "expected": each.expected}
        for each in message.sites
        if len(message.sites) > 1 or each.reporting < each.expected
    ]
    lines = [*(line_of(each, locale) for each in message.open), *sites]
    return {
        "severity": max(
            (each.severity for each in message.open), key=lambda each: each.rank, default=Severity.INFO
        ).value,
        "quiet": not missing and not message.open_count and not message.failing,
        "reporting": message.reporting,
        "expected": message.expected,
        "missing": missing,
        "open_count": message.open_count,
        "failing": list(message.failing),
        "delivered": message.delivered,
        "lines": lines[:MOST_LINES],
        "more": max(len(lines) - MOST_LINES, 0) + max(message.open_count - len(message.open), 0),
        "zone": locale.zone,
    }


def _held(item: SummaryItem, locale: Locale) -> dict[str, Any]:
    if item.incident is None:
        return {"form": "held", "severity": item.severity, "subject": item.kind}
    view = _of_incident(item.incident, locale)
    subject = view["what"] if view["what"] else view["site"]
    return {"form": "held", "severity": item.severity, "subject": subject}


def _past(told: Mapping[str, Any], locale: Locale) -> dict[str, Any]:
    unit = str(told.get("unit") or "")
    return {
        "form": "past",
        "subject": told.get("subject", ""),
        "rule": told.get("rule_name", ""),
        "since": locale.when(_instant(told.get("from"))),
        "until": locale.when(_instant(told.get("to"))),
        "worst": locale.value(told.get("worst"), unit),
        "now": locale.value(told.get("now"), unit),
    }


def _what(incident: IncidentFacts, locale: Locale) -> str:
    """Return what an incident is about, in a few words: one subject and rule, or how many of what."""
    if not incident.alerts:
        return incident.site
    first = incident.alerts[0]
    rules = {each.rule_name for each in incident.alerts}
    subjects = {_subject(each, locale) for each in incident.alerts}
    if len(subjects) == 1 and incident.alerts_count <= len(incident.alerts):
        return f"{subjects.pop()}: {', '.join(sorted(rules))}"
    places = {each.place for each in incident.alerts}
    where = first.place if len(places) == 1 and first.place else first.site
    return f"{where}: {', '.join(sorted(rules)[:3])} ({incident.alerts_count})"


def _list(facts: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = facts.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list | tuple) else []


def _instant(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
