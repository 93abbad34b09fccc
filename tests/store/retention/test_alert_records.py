"""Alerts and messages that are old go; nothing does of what is open."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from siloscope_store.connections import connect
from siloscope_store.retention import dropping, policies
from siloscope_store.retention.plan import plan
from tests.store.alerts import Alerts
from tests.store.farm import NOW, Farm

LONG_AGO = NOW - timedelta(days=400)


@pytest.fixture
def owner(migrated_database_url: str) -> Iterator[Connection[Any]]:
    """A connection of the schema's owner, once per home."""
    with connect(migrated_database_url, autocommit=True) as connection:
        yield connection


class Records:
    """An organisation with alerts and messages of some age."""

    def __init__(self, owner: Connection[Any]) -> None:
        self.owner = owner
        self.farm = Farm(owner, "ours")
        self.alerts = Alerts(self.farm)
        self.channel_id = self.farm._id(
            "INSERT INTO notify_channel (org_id, slug, kind, document) VALUES (%s, 'crew', 'email', %s) "
            "RETURNING channel_id",
            *(self.farm.org_id, Jsonb({})),
        )

    def incident(self, *, closed_at: datetime | None) -> int:
        """Add a cause that is over, or is not."""
        incident_id = self.alerts.incident()
        self.owner.execute(
            "UPDATE alert_incident SET opened_at = %s, closed_at = %s WHERE incident_id = %s",
            (LONG_AGO, closed_at, incident_id),
        )
        return incident_id

    def alert(self, subject: int, incident_id: int | None = None, *, state: str = "resolved") -> int:
        """Add an alert that was written last long ago."""
        alert_id = self.alerts.alert(subject, state=state, incident_id=incident_id, began_at=LONG_AGO)
        self.owner.execute("UPDATE alert SET changed_at = %s WHERE alert_id = %s", (LONG_AGO, alert_id))
        self.owner.execute(
            "INSERT INTO alert_action (org_id, alert_id, kind, actor, via) VALUES (%s, %s, 'comment', 'ada', 'api')",
            (self.farm.org_id, alert_id),
        )
        return alert_id

    def message(self, state: str, incident_id: int | None = None, *, at: datetime = LONG_AGO) -> None:
        """Add a message with an attempt."""
        self.owner.execute(
            "WITH m AS (INSERT INTO notify_outbox (notification_id, org_id, channel_id, incident_id, kind, dedup_key, "
            "payload, severity, state, enqueued_at) VALUES (gen_random_uuid(), %s, %s, %s, 'firing', "
            "gen_random_uuid()::text, '{}', 'info', %s, %s) RETURNING notification_id) "
            "INSERT INTO notify_attempt (notification_id, number) SELECT notification_id, 1 FROM m",
            (self.farm.org_id, self.channel_id, incident_id, state, at),
        )

    def count(self, table: str) -> int:
        """Return how many rows are left."""
        row = self.owner.execute(f"SELECT count(*)::int FROM {table}".encode()).fetchone()  # noqa: S608
        assert row is not None
        return int(row[0])

    def keep(self, level: str, days: int) -> None:
        """Keep them for so long, and let go what is older."""
        policies.set_policy(self.owner, "ours", "records", level, days)
        self.lost = {each.level: each.rows for each in plan(self.owner, at=NOW, archiving=False).rows}
        dropping.run(self.owner, at=NOW, directory=None)


@pytest.fixture
def records(owner: Connection[Any]) -> Records:
    return Records(owner)


def test_old_alerts_go_with_their_history_and_their_cause(records: Records) -> None:
    over = records.incident(closed_at=LONG_AGO)
    first = records.alert(1, over)
    records.alert(2, over)
    records.owner.execute("UPDATE alert SET inhibited_by = %s WHERE alert_id <> %s", (first, first))
    records.keep("alerts", 365)
    assert records.lost == {"alerts": 2}
    tables = ("alert", "alert_transition", "alert_action", "alert_incident")
    assert {name: records.count(name) for name in tables} == dict.fromkeys(tables, 0)


def test_unless_told_otherwise_alerts_are_kept_for_ten_years_and_messages_for_two(records: Records) -> None:
    records.alert(1)
    records.message("delivered")
    assert plan(records.owner, at=NOW, archiving=False).rows == []
    dropping.run(records.owner, at=NOW, directory=None)
    assert (records.count("alert"), records.count("notify_outbox")) == (1, 1)


def test_nothing_goes_of_what_is_open(records: Records) -> None:
    still = records.incident(closed_at=None)
    records.alert(1, still)  # over, and the cause it belongs to is not
    records.alert(2, state="firing")
    remembered = records.alert(3)
    records.owner.execute(
        "INSERT INTO alert_state (rule_id, subject_kind, subject_id, alert_id, rule_version, memory) "
        "VALUES (%s, 'node', 3, %s, 1, '{}')",
        (records.alerts.rule_id, remembered),
    )
    records.message("delivered", still)
    records.message("queued")
    records.message("sending")
    records.keep("alerts", 1)
    records.keep("messages", 1)
    assert (records.count("alert"), records.count("alert_incident"), records.count("notify_outbox")) == (3, 1, 3)
    assert records.lost == {}


def test_what_named_an_alert_that_goes_names_none(records: Records) -> None:
    old = records.alert(1)
    young = records.alerts.alert(2, state="resolved")
    records.owner.execute("UPDATE alert SET inhibited_by = %s WHERE alert_id = %s", (old, young))
    records.keep("alerts", 365)
    assert records.owner.execute("SELECT alert_id, inhibited_by FROM alert").fetchall() == [(young, None)]


def test_old_messages_go_and_their_alerts_stay(records: Records) -> None:
    over = records.incident(closed_at=LONG_AGO)
    records.alert(1, over)
    for state in ("delivered", "held", "given_up"):
        records.message(state, over)
    records.message("delivered", over, at=NOW)
    records.keep("messages", 365)
    assert records.lost == {"messages": 3}
    tables = ("notify_outbox", "notify_attempt", "alert", "alert_incident")
    assert {name: records.count(name) for name in tables} == dict.fromkeys(tables, 1)
