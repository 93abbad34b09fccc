"""Incidents made by hand, for what is pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from siloscope_alerting.notify.routing import BoundRoute
from siloscope_alerting.ports import AlertFacts, IncidentFacts
from siloscope_contract.alerts.routes import Route, Step
from siloscope_contract.alerts.words import Cause, Severity

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
ORG_ID, INCIDENT_ID = 1, 7
CHANNELS = {(ORG_ID, "cab"): 1, (ORG_ID, "office"): 2, (ORG_ID, "boss"): 3}


def alert(alert_id: int = 5, **told: Any) -> AlertFacts:
    """Return an alert that fires."""
    facts: dict[str, Any] = {
        "alert_id": alert_id,
        "rule": "bin-hot",
        "rule_name": "Too hot",
        "severity": Severity.WARNING,
        "state": "firing",
        "reason": "held",
        "subject": "Bin 7, cable 2, level 3",
        "site": "Yard",
        "place": "Bin 7",
        "labels": {},
        "facts": {"value": 31.24, "level": 30.0, "unit": "Cel"},
        "began_at": AT - timedelta(minutes=40),
        "fired_at": AT - timedelta(minutes=10),
        "ended_at": None,
        "channel_id": 9,
    }
    return AlertFacts(**{**facts, **told})


def incident(alerts: Sequence[AlertFacts] | None = None, **told: Any) -> IncidentFacts:
    """Return an incident of one alert, unless told."""
    listed = [alert()] if alerts is None else list(alerts)
    facts: dict[str, Any] = {
        "incident_id": INCIDENT_ID,
        "org_id": ORG_ID,
        "cause": Cause.RULE,
        "severity": Severity.WARNING,
        "site_id": 3,
        "site": "Yard",
        "time_zone": "Europe/Kyiv",
        "opened_at": AT,
        "closed_at": None,
        "alerts": listed,
        "alerts_count": len(listed),
    }
    return IncidentFacts(**{**facts, **told})


def bound(route_id: int, *steps: Step | str, **told: Any) -> BoundRoute:
    """Return a route; a text is a step that is told at once."""
    found = tuple(Step(channels=(step,)) if isinstance(step, str) else step for step in steps)
    return BoundRoute(route_id, ORG_ID, Route(route=f"route-{route_id}", steps=found, **told))
