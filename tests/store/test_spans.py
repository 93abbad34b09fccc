"""Chunks and partitions: made on demand, never many at once."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from siloscope_store.connections import connect
from tests.store.farm import Farm

WEEK = timedelta(days=7)
# A Thursday, as 1970-01-01 was: a span begins here. Each test takes years of its own, since the database is shared.
THURSDAY = datetime(1998, 1, 1, tzinfo=UTC)


def ensure(connection: Connection[Any], times: list[datetime], relation: str = "sample") -> int:
    row = connection.execute("SELECT ensure_partitions(%s, %s)", (relation, times)).fetchone()
    assert row is not None
    return int(row[0])


def test_no_more_than_eight_new_spans_at_once(owner: Connection[Any]) -> None:
    times = [THURSDAY + week * WEEK for week in range(9)]
    with pytest.raises(psycopg.errors.ProgramLimitExceeded, match="9 new spans of sample"):
        ensure(owner, times)
    assert ensure(owner, times[:8]) == 8


def test_an_unknown_table_is_refused(owner: Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable, match="no sample table is named site"):
        ensure(owner, [THURSDAY], "site")


def test_a_span_begins_on_thursday_and_ends_before_the_next(owner: Connection[Any], farm: Farm) -> None:
    begins = THURSDAY + 104 * WEEK
    last = begins + WEEK - timedelta(microseconds=1)
    assert ensure(owner, [begins, last]) == 1
    group = farm.group("head", [("t1", "temperature", "Cel")])
    farm.samples(group, [(begins, [1.0], None), (last, [2.0], None)])
    assert ensure(owner, [begins, last]) == 0
    assert ensure(owner, [begins - timedelta(microseconds=1), last + timedelta(microseconds=1)]) == 2


def test_nothing_is_asked_for_and_nothing_is_made(owner: Connection[Any]) -> None:
    assert ensure(owner, []) == 0


def test_the_two_retention_classes_have_spans_of_their_own(owner: Connection[Any]) -> None:
    at = THURSDAY + 208 * WEEK
    assert ensure(owner, [at], "sample") == 1
    assert ensure(owner, [at], "sample_vitals") == 1


@pytest.mark.postgres
def test_writers_that_meet_a_new_week_at_once_make_one_partition(migrated_postgres_url: str) -> None:
    writers, weeks = 4, [THURSDAY + number * WEEK for number in range(6)]
    together = threading.Barrier(writers)
    made: dict[datetime, list[int]] = {week: [] for week in weeks}

    def make() -> None:
        with connect(migrated_postgres_url, autocommit=True) as connection:
            for week in weeks:
                together.wait(timeout=30)
                made[week].append(ensure(connection, [week]))

    threads = [threading.Thread(target=make) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [sorted(counts) for counts in made.values()] == [[0, 0, 0, 1]] * len(weeks)
