"""Channels, routes, incidents and messages, written straight into the tables."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid5

import msgspec
from psycopg import Connection
from psycopg.types.json import Jsonb

from siloscope_alerting.notify.routing import NAMESPACE
from siloscope_contract.alerts.routes import Channel, Reader, Route, Step
from siloscope_contract.alerts.selectors import Matcher


class World:
    """What one organisation is told, and what it is told about."""

    def __init__(self, connection: Connection[Any], org_id: int, site_id: int, node_id: int) -> None:
        self.connection = connection
        self.org_id = org_id
        self.site_id = site_id
        self.node_id = node_id
        self._enqueued = 0

    def now(self) -> datetime:
        """Return the database's time."""
        found: datetime = self.one("SELECT clock_timestamp()")
        return found

    def term(self) -> int:
        """Begin a term, as an evaluator does."""
        return int(self.one("UPDATE alert_evaluator SET term = term + 1 RETURNING term"))

    def channel(
        self,
        slug: str,
        kind: str = "webhook",
        to: Sequence[str] = (),
        secrets: Mapping[str, str] | None = None,
        *,
        reader: Reader | None = None,
        most_per_hour: int = 3_600,
    ) -> int:
        """Add a way out."""
        document = msgspec.to_builtins(
            Channel(channel=slug, kind=kind, to=tuple(to), reader=reader or Reader(), most_per_hour=most_per_hour)  # type: ignore[arg-type]
        )
        return int(
            self.one(
                "INSERT INTO notify_channel (org_id, slug, kind, document, secrets) VALUES (%s, %s, %s, %s, %s) "
                "RETURNING channel_id",
                *(self.org_id, slug, kind, Jsonb(document), Jsonb(dict(secrets or {}))),
            )
        )

    def route(self, slug: str, steps: Sequence[Step], *, place: int = 0, **told: Any) -> int:
        """Add a route."""
        document = msgspec.to_builtins(Route(route=slug, steps=tuple(steps), **told))
        return int(
            self.one(
                "INSERT INTO notify_route (org_id, slug, place, document) VALUES (%s, %s, %s, %s) RETURNING route_id",
                *(self.org_id, slug, place, Jsonb(document)),
            )
        )

    def rule(self, slug: str = "bin-hot", **document: Any) -> int:
        """Add a rule; only what messages show of it is in its document."""
        told = {"rule": slug, "name": "Too hot", **document}
        rule_id = int(
            self.one("INSERT INTO alert_rule (org_id, slug) VALUES (%s, %s) RETURNING rule_id", self.org_id, slug)
        )
        self.connection.execute(
            "INSERT INTO alert_rule_version (rule_id, version, org_id, document, author) "
            "VALUES (%s, 1, %s, %s, 'test')",
            (rule_id, self.org_id, Jsonb(told)),
        )
        return rule_id

    def incident(
        self, *, severity: str = "warning", cause: str = "rule", facts: Mapping[str, Any] | None = None
    ) -> int:
        """Open an incident."""
        self._enqueued += 1
        return int(
            self.one(
                "INSERT INTO alert_incident (org_id, cause, group_key, severity, site_id, opened_at, facts) "
                "VALUES (%s, %s, %s, %s, %s, clock_timestamp(), %s) RETURNING incident_id",
                *(self.org_id, cause, f"key-{self._enqueued}", severity, self.site_id, Jsonb(dict(facts or {}))),
            )
        )

    def alert(self, incident_id: int, rule_id: int, channel_id: int, *, state: str = "firing") -> int:
        """Add a firing alert of a channel to an incident."""
        return int(
            self.one(
                "INSERT INTO alert (org_id, rule_id, rule_version, subject_kind, subject_id, site_id, node_id, "
                "channel_id, incident_id, severity, state, reason, facts, began_at, fired_at) "
                "VALUES (%s, %s, 1, 'channel', %s, %s, %s, %s, %s, 'warning', %s, 'held', %s, "
                "clock_timestamp(), clock_timestamp()) RETURNING alert_id",
                *(self.org_id, rule_id, channel_id, self.site_id, self.node_id, channel_id, incident_id, state),
                Jsonb({"value": 31.2, "level": 30.0, "unit": "Cel"}),
            )
        )

    def silence(self, matcher: Matcher, *, minutes: float = 60) -> int:
        """Silence alerts from now on."""
        return int(
            self.one(
                "INSERT INTO alert_silence (org_id, kind, selector, begins, ends, author) VALUES (%s, 'silence', %s, "
                "clock_timestamp(), clock_timestamp() + make_interval(secs => %s), 'test') RETURNING silence_id",
                *(self.org_id, Jsonb(msgspec.to_builtins(matcher)), minutes * 60),
            )
        )

    def enqueue(self, channel_id: int, count: int = 1, *, severity: str = "warning", **told: Any) -> list[str]:
        """Put test messages into the outbox, due now; return their ids in order."""
        found = []
        for _ in range(count):
            self._enqueued += 1
            row = {"kind": "test", "incident_id": None, "route_id": None, "payload": {}, **told}
            key = f"test/{self.org_id}/{channel_id}/{self._enqueued}"
            self.connection.execute(
                "INSERT INTO notify_outbox (notification_id, org_id, channel_id, kind, dedup_key, payload, severity, "
                "incident_id, route_id, enqueued_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp())",
                (
                    *(uuid5(NAMESPACE, key), self.org_id, channel_id, row["kind"], key, Jsonb(row["payload"])),
                    *(severity, row["incident_id"], row["route_id"]),
                ),
            )
            found.append(str(uuid5(NAMESPACE, key)))
        return found

    def outbox(self, columns: str = "kind, step, state") -> list[tuple[Any, ...]]:
        """Return the outbox in the order in which it was filled."""
        return self.connection.execute(
            f"SELECT {columns} FROM notify_outbox ORDER BY enqueued_at, dedup_key"  # noqa: S608
        ).fetchall()

    def one(self, statement: str, *parameters: object) -> Any:
        """Return one value."""
        row = self.connection.execute(statement, parameters).fetchone()
        assert row is not None
        return row[0]
