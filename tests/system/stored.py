"""What the database holds of one node, read by SQL of our own rather than by the store's."""

from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from tests.system.spooled import Instant, Value

READINGS = """
SELECT d.slug, c.key, extract(epoch FROM s.time) * 1000, s."values"[c.position + 1], c.unit,
       s.quality[c.position + 1]
FROM {relation} AS s JOIN channel AS c USING (group_id) JOIN device AS d USING (device_id)
WHERE s."values"[c.position + 1] IS NOT NULL OR s.quality[c.position + 1] IS NOT NULL
"""

ACCOUNTED = """
SELECT replace(epoch::text, '-', ''), generate_series(lower(span), upper(span) - 1)
FROM (SELECT epoch, unnest(accounted) AS span FROM node_epoch UNION ALL SELECT epoch, span FROM node_epoch_folded) AS a
"""


@dataclass
class Stored:
    """Every reading in the database, and what stands beside the readings."""

    readings: dict[Instant, Value] = field(default_factory=dict)
    twice: list[Instant] = field(default_factory=list)


def read_database(url: str) -> Stored:
    """Read every reading of every retention class."""
    found = Stored()
    with psycopg.connect(url) as connection:
        for relation in ("sample", "sample_vitals"):
            for device, channel, time_ms, value, unit, quality in connection.execute(
                READINGS.format(relation=relation)
            ):
                assert time_ms == int(time_ms), f"{device}/{channel} is stored at a fraction of a millisecond"
                instant = Instant(device, channel, int(time_ms))
                if instant in found.readings:
                    found.twice.append(instant)
                found.readings[instant] = Value(value, None if value is None else unit, quality or 0)
    return found


def accounted(url: str) -> dict[str, set[int]]:
    """Return, per epoch, every seq that the database answers for."""
    found: dict[str, set[int]] = {}
    with psycopg.connect(url) as connection:
        for epoch, seq in connection.execute(ACCOUNTED):
            found.setdefault(epoch, set()).add(seq)
    return found


def counts(url: str, *tables: str) -> dict[str, int]:
    """Return how many rows each table has."""
    with psycopg.connect(url) as connection:
        return {table: _count(connection, table) for table in tables}


def quarantined(url: str) -> list[str]:
    """Return why each message was set aside."""
    with psycopg.connect(url) as connection:
        return [reason for (reason,) in connection.execute("SELECT reason FROM quarantine ORDER BY received_at")]


def _count(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    assert row is not None
    return int(row[0])
