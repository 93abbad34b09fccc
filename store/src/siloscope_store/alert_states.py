"""What the engine remembers of subjects, and the alerts and transitions that follow.

Columns that people write (who acknowledged, who is on it, snoozes) are not touched.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from siloscope_store.statements import statements

_SQL = statements("alert_states.sql")
Connection = AsyncConnection[Any]


class SubjectRef(msgspec.Struct, frozen=True):
    """A subject of a rule."""

    rule_id: int
    subject_kind: str
    subject_id: int


class AlertRow(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as the engine sees it, without what people did about it."""

    alert_id: int
    rule_id: int
    subject_kind: str
    subject_id: int
    rule_version: int
    org_id: int
    site_id: int | None
    node_id: int | None
    place_id: int | None
    channel_id: int | None
    incident_id: int | None
    severity: str
    state: str
    reason: str
    retrospective: bool
    flapping: bool
    inhibited_by: int | None
    labels: dict[str, str]
    facts: dict[str, Any]
    began_at: datetime
    fired_at: datetime | None
    ended_at: datetime | None


class TransitionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an alert."""

    alert_id: int
    number: int
    org_id: int
    before: str
    after: str
    reason: str
    event_at: datetime
    facts: dict[str, Any]


class SubjectSpan(msgspec.Struct, frozen=True):
    """A subject, and from when to when."""

    rule_id: int
    subject_kind: str
    subject_id: int
    began_at: datetime
    ended_at: datetime


class StateRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a subject."""

    rule_id: int
    subject_kind: str
    subject_id: int
    alert_id: int | None
    rule_version: int
    memory: dict[str, Any]
    due_at: datetime | None


async def memories(connection: Connection) -> list[tuple[SubjectRef, dict[str, Any]]]:
    """Return what is remembered of every subject that is not simply ok."""
    found = await connection.execute(_SQL["memories"])
    return [(SubjectRef(*row[:3]), row[3]) for row in await found.fetchall()]


async def open_alerts(connection: Connection) -> list[AlertRow]:
    """Return alerts that are not over, and those whose incident is not."""
    found = await connection.execute(_SQL["open"])
    return [AlertRow(**dict(zip(_OPEN, row, strict=True))) for row in await found.fetchall()]


async def kept_retrospects(
    connection: Connection, rule_ids: Sequence[int], began_ats: Sequence[datetime]
) -> dict[tuple[SubjectRef, datetime], tuple[int, int | None]]:
    """Return alert and incident of excursions that were kept already, by subject and begin."""
    found = await connection.execute(_SQL["retrospects"], {"rule_ids": list(rule_ids), "began_ats": list(began_ats)})
    return {(SubjectRef(*row[1:4]), row[4]): (row[0], row[5]) for row in await found.fetchall()}


async def fired_during(connection: Connection, spans: Sequence[SubjectSpan]) -> set[tuple[SubjectRef, datetime]]:
    """Return subject and begin of those spans that touch an episode which fired in its time."""
    found = await connection.execute(_SQL["fired_during"], _columns(spans))
    return {(SubjectRef(*row[:3]), row[3]) for row in await found.fetchall()}


async def new_ids(connection: Connection, count: int) -> list[int]:
    """Return numbers for alerts that are to be written."""
    if not count:
        return []
    return [row[0] for row in await (await connection.execute(_SQL["ids"], {"count": count})).fetchall()]


async def write_alerts(connection: Connection, rows: Sequence[AlertRow]) -> None:
    """Write alerts, new ones and changed ones."""
    if rows:
        await connection.execute(_SQL["write"], _columns(rows, json=("labels", "facts")))


async def write_transitions(connection: Connection, term: int, rows: Sequence[TransitionRow]) -> None:
    """Write what changed; a number that an alert has already is refused."""
    if rows:
        await connection.execute(_SQL["write_transitions"], {**_columns(rows, json=("facts",)), "term": term})


async def write_states(connection: Connection, rows: Sequence[StateRow]) -> None:
    """Write what is to be remembered."""
    if rows:
        await connection.execute(_SQL["write_states"], _columns(rows, json=("memory",)))


async def forget_states(connection: Connection, subjects: Sequence[SubjectRef]) -> None:
    """Forget subjects that are simply ok."""
    if subjects:
        await connection.execute(_SQL["forget_states"], _columns(subjects))


_OPEN = (
    "alert_id", "rule_id", "subject_kind", "subject_id", "rule_version", "org_id", "site_id", "node_id", "place_id",
    "channel_id", "incident_id", "severity", "state", "reason", "retrospective", "flapping", "inhibited_by", "labels",
    "facts", "began_at", "fired_at", "ended_at",
)  # fmt: skip
_PLURAL = {"severity": "severities", "memory": "memories", "labels": "labels", "facts": "facts"}


def _columns(rows: Sequence[msgspec.Struct], json: Sequence[str] = ()) -> dict[str, list[Any]]:
    """Return a list for each field, as the statements call it."""
    columns = {}
    for name in rows[0].__struct_fields__:
        values = [getattr(row, name) for row in rows]
        columns[_PLURAL.get(name, f"{name}s")] = [Jsonb(each) for each in values] if name in json else values
    return columns
