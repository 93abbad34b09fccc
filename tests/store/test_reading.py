"""The views `reading` and `latest_reading`: what people and Grafana see, and how cheaply."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, LiteralString

import pytest
from psycopg import Connection, sql
from psycopg.rows import dict_row

from siloscope_store.series_strides import EPOCH
from tests.store.farm import NOW, Farm

KEYS = [("t1", "temperature", "Cel"), ("t2", "temperature", "Cel")]
SECOND = timedelta(seconds=1)
EXPLAIN = sql.SQL("EXPLAIN (FORMAT JSON) SELECT time, value FROM reading WHERE ")
SPAN = r"^sample_\d|_hyper_"


def readings(owner: Connection[Any]) -> list[dict[str, Any]]:
    with owner.cursor(row_factory=dict_row) as rows:
        return rows.execute("SELECT * FROM reading ORDER BY time, channel").fetchall()


def test_a_reading_says_whose_what_where_when_and_how_good(owner: Connection[Any], farm: Farm) -> None:
    group = farm.group("head", KEYS)
    farm.put(farm.place("bin-1"), "head", "t2", cable=2, level=5)
    farm.samples(group, [(NOW, [4.5, None], [101, 201])])
    farm.latest(group, NOW, [4.5, None], [101, 201])
    first, second = readings(owner)
    assert first == {
        **{"organisation": "ours", "site": "yard", "place": None, "node": "pi", "device": "head", "channel": "t1"},
        **{"channel_id": group.channels["t1"], "quantity": "temperature", "unit": "Cel"},
        **{"cable": None, "level": None, "spot": None, "time": NOW, "value": 4.5},
        **{"quality": 101, "reason": "clock_unsynced", "grade": "uncertain"},
    }
    assert (second["place"], second["cable"], second["level"]) == ("bin-1", 2, 5)
    assert (second["value"], second["reason"], second["grade"]) == (None, "comm_failure", "bad")
    with owner.cursor(row_factory=dict_row) as rows:
        assert rows.execute("SELECT * FROM latest_reading ORDER BY channel").fetchall() == [first, second]


def test_what_was_not_reported_is_no_reading(owner: Connection[Any], farm: Farm) -> None:
    farm.samples(farm.group("head", KEYS), [(NOW, [None, 1.0], None), (NOW + SECOND, [2.0], None)])
    assert [(row["channel"], row["value"], row["grade"]) for row in readings(owner)] == [
        ("t2", 1.0, "good"),
        ("t1", 2.0, "good"),
    ]


def test_a_reading_stands_where_its_channel_was_then(owner: Connection[Any], farm: Farm) -> None:
    group = farm.group("head", KEYS[:1])
    farm.put(farm.place("bin-1"), "head", "t1", until=NOW)
    farm.put(farm.place("bin-2"), "head", "t1", since=NOW, until=NOW + 2 * SECOND)
    farm.samples(group, [(NOW + step * SECOND, [float(step)], None) for step in range(-1, 3)])
    assert [(row["value"], row["place"]) for row in readings(owner)] == [
        *((-1.0, "bin-1"), (0.0, "bin-2")),
        *((1.0, "bin-2"), (2.0, None)),
    ]


def test_vitals_are_readings_too(owner: Connection[Any], farm: Farm) -> None:
    group = farm.group("agent", [("load", "ratio", "/")], retention_class="vitals")
    farm.samples(group, [(NOW, [0.5], None)], "sample_vitals")
    assert [(row["device"], row["value"]) for row in readings(owner)] == [("agent", 0.5)]


def scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from scans(child)


@pytest.mark.parametrize(
    "condition",
    [
        "channel_id = {channel_id} AND time >= {begins} AND time < {ends}",
        "site = 'yard' AND device = 'head' AND channel = 't1' AND time >= {begins} AND time < {ends}",
        "place IS NULL AND channel = 't1' AND time BETWEEN {begins} AND {ends}",
    ],
)
def test_conditions_on_time_and_channel_reach_the_index_of_one_span(
    owner: Connection[Any], farm: Farm, condition: LiteralString
) -> None:
    group = farm.group("head", KEYS)
    weeks = [EPOCH + timedelta(days=7 * number) for number in range(1000, 1008)]
    farm.samples(group, [(week + timedelta(days=1), [1.0, 2.0], None) for week in weeks])
    words = {"channel_id": group.channels["t1"], "begins": weeks[3], "ends": weeks[3] + timedelta(days=3)}
    owner.execute("SET enable_seqscan = off")  # the tables are tiny, and a scan would be cheaper
    try:
        statement = sql.SQL(condition).format(**{word: sql.Literal(value) for word, value in words.items()})
        (found,) = owner.execute(EXPLAIN + statement).fetchone() or (None,)
    finally:
        owner.execute("RESET enable_seqscan")
    plan = json.loads(json.dumps(found))[0]["Plan"]
    spans = [scan for scan in scans(plan) if "group_id" in scan.get("Index Cond", "") and "time" in scan["Index Cond"]]
    touched = {scan["Relation Name"] for scan in scans(plan) if re.search(SPAN, scan.get("Relation Name", ""))}
    assert spans, json.dumps(plan, indent=1)
    assert len(touched) == 1, touched
