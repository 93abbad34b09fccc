"""Alerts written straight into the tables, so that what people see and do is tested without an evaluator."""

from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from tests.store.farm import NOW, Farm

HOT: dict[str, Any] = {"rule": "hot", "name": "Hot grain", "condition": {"kind": "threshold", "above": 30}}


class Alerts:
    """The alerts of one farm, of its rule `hot`."""

    def __init__(self, farm: Farm) -> None:
        self.farm = farm
        self.rule_id = farm._id(
            "INSERT INTO alert_rule (org_id, slug) VALUES (%s, 'hot') RETURNING rule_id", farm.org_id
        )
        farm.connection.execute(
            "INSERT INTO alert_rule_version (rule_id, version, org_id, document, author) "
            "VALUES (%s, 1, %s, %s, 'test')",
            (self.rule_id, farm.org_id, Jsonb(HOT | {"severity": "warning"})),
        )

    def incident(self) -> int:
        """Open an incident."""
        return self.farm._id(
            "INSERT INTO alert_incident (org_id, cause, group_key, severity, opened_at) "
            "VALUES (%s, 'rule', gen_random_uuid()::text, 'warning', %s) RETURNING incident_id",
            *(self.farm.org_id, NOW),
        )

    def alert(
        self,
        subject: int,
        *,
        state: str = "firing",
        severity: str = "warning",
        channel_id: int | None = None,
        place_id: int | None = None,
        incident_id: int | None = None,
        began_at: datetime = NOW,
        fired_told_at: datetime = NOW,
    ) -> int:
        """Add an alert with a transition for each state on its way."""
        over = state in ("resolved", "ok")
        fired = state not in ("ok", "pending")
        alert_id = self.farm._id(
            "INSERT INTO alert (org_id, rule_id, rule_version, subject_kind, subject_id, site_id, node_id, place_id, "
            "channel_id, incident_id, severity, state, reason, began_at, fired_at, ended_at, facts) VALUES "
            "(%s, %s, 1, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'held', %s, %s, %s, %s) RETURNING alert_id",
            *(self.farm.org_id, self.rule_id, "channel" if channel_id else "node", subject, self.farm.site_id),
            *(self.farm.node_id, place_id, channel_id, incident_id, severity, state, began_at),
            *(began_at if fired else None, began_at + timedelta(hours=1) if over else None, Jsonb({"value": 31.5})),
        )
        ways = {"firing": ["pending", "firing"], "resolved": ["pending", "firing", "resolved"]}
        before = "ok"
        for number, after in enumerate(ways.get(state, ["pending"]), start=1):
            self.farm.connection.execute(
                "INSERT INTO alert_transition "
                "(alert_id, number, org_id, from_state, to_state, reason, event_at, at, term) "
                "VALUES (%s, %s, %s, %s, %s, 'held', %s, %s, 1)",
                (alert_id, number, self.farm.org_id, before, after, began_at, fired_told_at),
            )
            before = after
        return alert_id
