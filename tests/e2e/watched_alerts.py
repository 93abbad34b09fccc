"""Alerts of the watched farm, written straight into the tables: the page is tested, and no evaluator."""

from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from siloscope_process.clock import SystemClock
from siloscope_store.connections import connect

HEATING: dict[str, Any] = {
    "rule": "bin-heating",
    "name": "Grain is heating",
    "condition": {"kind": "threshold", "above": 30, "clear": 28},
    "severity": "warning",
    "select": {"quantities": ["temperature"], "place_kinds": ["bin"]},
    "hold": "30m",
    "source": "practice",
}


class WatchedAlerts:
    """Alerts of one rule of the farm's organisation.

    Args:
        url: The farm's database.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.now = SystemClock().now()
        self.rule_id = self._id(
            "INSERT INTO alert_rule (org_id, slug, origin) SELECT org_id, %s, 'shipped' FROM organisation "
            "RETURNING rule_id",
            HEATING["rule"],
        )
        self._id(
            "INSERT INTO alert_rule_version (rule_id, version, org_id, document, author) "
            "SELECT %s, 1, org_id, %s, 'system:set-up' FROM organisation RETURNING rule_id",
            self.rule_id,
            Jsonb(HEATING),
        )

    def open(
        self, channel_id: int, *, severity: str = "warning", state: str = "firing", began: timedelta, **facts: Any
    ) -> int:
        """Add an alert of a channel that fires since half an hour after it began, told by a message."""
        began_at = self.now - began
        fired_at = began_at + timedelta(minutes=30)
        incident_id = self._id(
            "INSERT INTO alert_incident (org_id, cause, group_key, severity, opened_at) "
            "SELECT org_id, 'rule', gen_random_uuid()::text, %s, %s FROM organisation RETURNING incident_id",
            severity,
            fired_at,
        )
        told = Jsonb({"kind": "threshold", "level": 30, "clear": 28, "unit": "Cel", **facts})
        alert_id = self._id(
            "INSERT INTO alert (org_id, rule_id, rule_version, subject_kind, subject_id, site_id, node_id, place_id, "
            "channel_id, incident_id, severity, state, reason, began_at, fired_at, facts, labels) "
            "SELECT n.org_id, %(rule_id)s, 1, 'channel', c.channel_id, n.site_id, n.node_id, p.place_id, c.channel_id, "
            "%(incident_id)s, %(severity)s, %(state)s, 'held', %(began_at)s, %(fired_at)s, %(facts)s, "
            """'{"crew": "east"}' """
            "FROM channel AS c JOIN device AS d USING (device_id) JOIN node AS n USING (node_id) "
            "JOIN placement AS pl ON pl.node_id = n.node_id AND pl.device = d.slug AND pl.channel = c.key "
            "JOIN place AS p USING (place_id) WHERE c.channel_id = %(channel_id)s RETURNING alert_id",
            rule_id=self.rule_id,
            incident_id=incident_id,
            severity=severity,
            state=state,
            began_at=began_at,
            fired_at=fired_at,
            facts=told,
            channel_id=channel_id,
        )
        for number, (before, after, reason, at) in enumerate(
            [("ok", "pending", "breached", began_at), ("pending", "firing", "held", fired_at)], start=1
        ):
            self._id(
                "INSERT INTO alert_transition (alert_id, number, org_id, from_state, to_state, reason, event_at, at, "
                "facts, term) SELECT alert_id, %s, org_id, %s, %s, %s, %s, %s, %s, 1 FROM alert WHERE alert_id = %s "
                "RETURNING alert_id",
                *(number, before, after, reason, at, at, told, alert_id),
            )
        self._tell(incident_id, severity, fired_at)
        return alert_id

    def end(self, alert_id: int, at: datetime) -> None:
        """Let it be over."""
        self._id(
            "UPDATE alert SET state = 'resolved', reason = 'cleared', ended_at = %s WHERE alert_id = %s "
            "RETURNING alert_id",
            at,
            alert_id,
        )

    def _tell(self, incident_id: int, severity: str, at: datetime) -> None:
        with connect(self._url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO notify_channel (org_id, slug, kind, document) SELECT org_id, 'crew', 'email', '{}' "
                "FROM organisation ON CONFLICT DO NOTHING"
            )
            connection.execute(
                "INSERT INTO notify_outbox (notification_id, org_id, channel_id, incident_id, kind, dedup_key, "
                "payload, severity, state, enqueued_at, attempts, delivered_at) "
                "SELECT gen_random_uuid(), org_id, channel_id, %s, 'firing', gen_random_uuid()::text, '{}', %s, "
                "'delivered', %s, 1, %s FROM notify_channel",
                (incident_id, severity, at, at),
            )

    def _id(self, query: str, *values: Any, **named: Any) -> int:
        with connect(self._url, autocommit=True) as connection:
            row = connection.execute(query, named or values).fetchone()
            assert row is not None
            return int(row[0])
