"""A farm whose samples are three years old, with roll-ups that are as far as they can be."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from siloscope_store import flavour
from siloscope_store.retention import dropping, policies
from tests.store.farm import NOW, Farm, Group

CHANNELS = [("t1", "temperature", "Cel"), ("t2", "temperature", "Cel")]
OLD = datetime(2023, 3, 2, 0, 0, tzinfo=UTC)
"""A Thursday: a span begins here."""
DAY = timedelta(days=1)


def run(connection: Connection[Any], directory: Path | None, at: Any = NOW) -> dropping.Outcome:
    """Carry out retention."""
    return dropping.run(connection, at=at, directory=directory)


def rolled_up(connection: Connection[Any], to: datetime = NOW) -> None:
    """Say that every roll-up is made, as the roll-up job would."""
    connection.execute("DELETE FROM rollup_rebuild")
    connection.execute("DELETE FROM rollup_touched")
    connection.execute(
        "INSERT INTO rollup_horizon (closed_to, settled_to) VALUES (%s, %s) ON CONFLICT DO NOTHING", (to, to)
    )
    connection.execute("DELETE FROM rollup_progress")
    connection.execute(
        "INSERT INTO rollup_progress (level, zone, done_to) "
        "SELECT level, '', %s FROM (VALUES ('m5'), ('hour')) AS l (level) "
        "UNION ALL SELECT DISTINCT 'day', time_zone, %s::timestamptz FROM site",
        (to, to),
    )


def hourly(begins: datetime, hours: int, value: float = 10.0) -> list[tuple[datetime, list[float | None], Any]]:
    """Return a sample an hour; every seventh has a failed reading."""
    rows: list[tuple[datetime, list[float | None], Any]] = []
    for at in range(hours):
        failed = at % 7 == 3
        values: list[float | None] = [value + at / 10, None if failed else -0.5]
        rows.append((begins + timedelta(hours=at), values, [0, 201] if failed else None))
    return rows


def stored(connection: Connection[Any], relation: str = "sample") -> Sequence[tuple[Any, ...]]:
    """Return every sample of a table, bit by bit."""
    query = 'SELECT group_id, "time", "values"::text, quality::text FROM {} ORDER BY 1, 2'
    return connection.execute(SQL(query).format(Identifier(relation))).fetchall()


def late(farm: Farm, group: Group, at: Any, value: float = 99.0) -> None:
    """Write a sample as ingest does: older than the roll-ups' horizon, it leaves a mark in the same transaction."""
    with farm.connection.transaction():
        farm.samples(group, [(at, [value, value], None)])
        farm.connection.execute("SELECT touch_rollups(ARRAY[%s], ARRAY[%s::timestamptz])", (group.group_id, at))


def old_rows(connection: Connection[Any]) -> int:
    """Return how many samples there are that are older than any is kept."""
    row = connection.execute('SELECT count(*) FROM sample WHERE "time" < %s', (NOW - timedelta(days=100),)).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture(autouse=True)
def no_spans(request: pytest.FixtureRequest) -> None:
    """Drop empty spans that other tests have left in the database that all share: a plan would name them."""
    if "owner" not in request.fixturenames:
        return
    owner: Connection[Any] = request.getfixturevalue("owner")
    for relation in ("sample", "sample_vitals", "rollup_m5", "rollup_hour"):
        for span in flavour.spans(owner, relation):
            flavour.drop_span(owner, span)


@pytest.fixture
def head(farm: Farm) -> Group:
    """A probe with two weeks of three years ago and a day of now."""
    group = farm.group("head", CHANNELS, interval_s=3600)
    farm.samples(group, hourly(OLD, 14 * 24))
    farm.samples(group, hourly(NOW - DAY, 24))
    rolled_up(farm.connection)
    return group


@pytest.fixture
def theirs(owner: Connection[Any], foreign: Farm) -> Group:
    """A probe of another organisation with the same two weeks, which it keeps for ever."""
    group = foreign.group("head", CHANNELS)
    foreign.samples(group, hourly(OLD, 14 * 24))
    for level in ("hour", "m5", "raw"):
        policies.set_policy(owner, "theirs", "measurements", level, None)
    rolled_up(owner)
    return group
