"""A farm whose samples are three years old, with roll-ups that are as far as they can be."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from siloscope_store import flavour
from tests.store.farm import NOW, Farm, Group

CHANNELS = [("t1", "temperature", "Cel"), ("t2", "temperature", "Cel")]
OLD = datetime(2023, 3, 2, 0, 0, tzinfo=UTC)
"""A Thursday: a span begins here."""


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
    farm.samples(group, hourly(NOW - timedelta(days=1), 24))
    rolled_up(farm.connection)
    return group
