"""What was offline comes back: when its backlog is all in, and what that shows, in one message. Pure."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from siloscope_alerting.watch.incidents import Incident, OpenAlert
from siloscope_alerting.watch.present import Present
from siloscope_process.clock import from_ms

CALM_MS = 30_000
"""A backlog is in when nothing late came for so long and nobody says that there is more."""
LONGEST_MS = 900_000
"""What took longer is told as it is then."""
APART_MS = 900_000
"""Excursions of one subject that lie no further apart are one: a backlog comes in pieces."""


def is_complete(incident: Incident, since_ms: int, nodes: AbstractSet[int], present: Present) -> bool:
    """Say whether all that was held back has come."""
    waited_ms = present.now_ms - since_ms
    marked_ms = present.marked_ms.get(incident.site_id or 0, 0)
    calm = present.now_ms - max(since_ms, marked_ms) >= CALM_MS and not nodes & present.owing
    return calm or waited_ms >= LONGEST_MS


def joined(past: Sequence[OpenAlert]) -> list[OpenAlert]:
    """Return excursions, those of one rule and subject that follow closely as one, with the worst value of them."""
    found: list[OpenAlert] = []
    for each in sorted(past, key=lambda alert: (alert.key, alert.began_ms)):
        last = found[-1] if found else None
        if last is None or last.key != each.key or each.began_ms - (last.ended_ms or 0) > APART_MS:
            found.append(msgspec.structs.replace(each))
            continue
        last.ended_ms = max(last.ended_ms or 0, each.ended_ms or 0)
        last.facts = {**each.facts, "worst": _worse(last.facts, each.facts)}
    return found


def line(alert: OpenAlert, present: Present) -> dict[str, Any]:
    """Return an excursion as a message tells it."""
    return {
        "alert_id": alert.alert_id,
        "rule_name": present.rule_name(alert),
        "subject": present.subject(alert),
        "from": iso(alert.began_ms),
        "to": iso(alert.ended_ms or alert.began_ms),
        "worst": alert.facts.get("worst"),
        "now": alert.facts.get("now"),
        "unit": alert.facts.get("unit"),
    }


def iso(time_ms: int) -> str:
    """Return a time as messages carry it."""
    return from_ms(time_ms).isoformat()


def _worse(one: dict[str, Any], other: dict[str, Any]) -> float | None:
    """Return the worse of two values: the one that is further from what is now."""
    values: list[float] = [each["worst"] for each in (one, other) if each.get("worst") is not None]
    now = other.get("now")
    if not values or now is None:
        return values[0] if values else None
    return max(values, key=lambda value: abs(value - now))
