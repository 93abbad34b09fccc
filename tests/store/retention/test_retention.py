"""What goes, what stays and why, on every home of the schema."""

import threading
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from siloscope_store import flavour
from siloscope_store.archive import catalogue
from siloscope_store.connections import connect
from siloscope_store.errors import ArchiveBusy
from siloscope_store.retention import plan, policies
from siloscope_store.retention.turns import turn
from tests.store.farm import NOW, Farm, Group
from tests.store.retention.conftest import CHANNELS, DAY, OLD, hourly, rolled_up, run, stored


def test_nothing_goes_without_an_archive_directory(owner: Connection[Any], head: Group) -> None:
    before = stored(owner)
    wanted = plan.plan(owner, at=NOW, archiving=False)
    assert {share.stays for loss in wanted.spans for share in loss.shares} == {plan.NO_DIRECTORY}
    assert not run(owner, None).dropped
    assert stored(owner) == before


def test_the_plan_says_exactly_what_the_run_drops(owner: Connection[Any], head: Group, tmp_path: Path) -> None:
    wanted = plan.plan(owner, at=NOW, archiving=True)
    assert [(loss.level, loss.span.begins, loss.whole) for loss in wanted.spans] == [
        ("raw", OLD, True),
        ("raw", OLD + 7 * DAY, True),
    ]
    assert [share.rows for loss in wanted.spans for share in loss.shares] == [168, 168]
    outcome = run(owner, tmp_path)
    assert [loss.span for loss in outcome.dropped] == [loss.span for loss in wanted.spans]
    assert len(stored(owner)) == 24
    assert plan.plan(owner, at=NOW, archiving=True).nothing_goes
    assert [span.begins for span in flavour.spans(owner, "sample")] == [OLD + n * DAY for n in (1092,)]


def test_one_that_keeps_less_than_another_loses_its_rows_alone(
    owner: Connection[Any], head: Group, theirs: Group, tmp_path: Path
) -> None:
    kept = [row for row in stored(owner) if row[0] == theirs.group_id]
    wanted = plan.plan(owner, at=NOW, archiving=True)
    assert [(loss.whole, [share.site.organisation for share in loss.shares]) for loss in wanted.spans] == [
        (False, ["ours"])
    ] * 2
    outcome = run(owner, tmp_path)
    assert (len(outcome.dropped), outcome.deleted_rows) == (0, 336)
    assert [row for row in stored(owner) if row[0] == theirs.group_id] == kept
    assert {file.key.site.organisation for file in catalogue.files(owner)} == {"ours"}


def test_an_organisation_may_do_without_an_archive(owner: Connection[Any], head: Group) -> None:
    policies.require_archive(owner, "ours", required=False)
    assert len(run(owner, None).dropped) == 2
    assert len(stored(owner)) == 24
    assert not catalogue.files(owner)


def test_vitals_have_a_retention_and_files_of_their_own(owner: Connection[Any], farm: Farm, tmp_path: Path) -> None:
    agent = farm.group("agent", [("load", "ratio", "/")], retention_class="vitals")
    head = farm.group("head", CHANNELS)
    begins = NOW - timedelta(days=150)
    farm.samples(agent, [(begins, [0.5], None)], "sample_vitals")
    farm.samples(head, hourly(begins, 5))
    rolled_up(owner)
    run(owner, tmp_path)
    assert not stored(owner, "sample_vitals")
    assert len(stored(owner)) == 5
    assert [file.path for file in catalogue.files(owner)] == ["ours/yard/2025/2025-10-02.vitals.parquet"]


def test_raw_samples_stay_until_their_rollups_are_made(owner: Connection[Any], head: Group, tmp_path: Path) -> None:
    rolled_up(owner, OLD + 3 * DAY)
    before = stored(owner)
    outcome = run(owner, tmp_path)
    assert stored(owner) == before
    assert {line.split(": ")[1] for line in outcome.waits} == {plan.NOT_ROLLED_UP}
    rolled_up(owner)
    owner.execute("SELECT touch_rollups(ARRAY[%s], ARRAY[%s::timestamptz])", (head.group_id, OLD))
    assert not run(owner, tmp_path).dropped
    rolled_up(owner)
    assert len(run(owner, tmp_path).dropped) == 2


def test_retention_archive_and_restore_take_turns(owner: Connection[Any], migrated_database_url: str) -> None:
    with connect(migrated_database_url, autocommit=True) as other, turn(other), pytest.raises(ArchiveBusy):
        run(owner, None)


def test_rollups_and_records_go_by_their_own_retention(
    owner: Connection[Any], farm: Farm, head: Group, tmp_path: Path
) -> None:
    policies.set_policy(owner, "ours", "measurements", "hour", 1096)
    policies.set_policy(owner, "ours", "measurements", "day", 1200)
    policies.set_policy(owner, "ours", "records", "gaps", 10)
    columns = "samples, counts, minimum, maximum, mean, last) VALUES (%s, %s, 1, '{1}', '{1}', '{1}', '{1}', '{1}')"
    for at in (OLD - 14 * DAY, NOW - DAY):
        owner.execute("SELECT ensure_rollup_partitions('rollup_hour', ARRAY[%s::timestamptz])", (at,))
        owner.execute(f"INSERT INTO rollup_hour (group_id, bucket, {columns}".encode(), (head.group_id, at))
    for day in (date(2022, 1, 1), date(2024, 1, 1)):
        owner.execute(f"INSERT INTO rollup_day (group_id, day, {columns}".encode(), (head.group_id, day))
    for age in (5, 20):
        owner.execute(
            "INSERT INTO gap_record (org_id, node_id, kind, recorded_index, at) VALUES (%s, %s, 'evicted', %s, %s)",
            (farm.org_id, farm.node_id, age, NOW - timedelta(days=age)),
        )
    wanted = plan.plan(owner, at=NOW, archiving=True)
    assert [(loss.level, loss.rows) for loss in wanted.rows] == [("day", 1), ("gaps", 1)]
    run(owner, tmp_path)
    assert owner.execute("SELECT bucket FROM rollup_hour").fetchall() == [(NOW - DAY,)]
    assert owner.execute("SELECT day FROM rollup_day").fetchall() == [(date(2024, 1, 1),)]
    assert owner.execute("SELECT count(*) FROM gap_record").fetchone() == (1,)


def test_ingest_goes_on_while_rows_are_deleted(
    owner: Connection[Any], head: Group, theirs: Group, tmp_path: Path, migrated_database_url: str
) -> None:
    done = threading.Event()
    failures: list[psycopg.Error] = []
    written: list[datetime] = []

    def write() -> None:
        with connect(migrated_database_url, autocommit=True) as writer:
            writer.execute("SET lock_timeout = '5s'")
            while not done.is_set():
                at = NOW + timedelta(seconds=len(written))
                try:
                    writer.execute("INSERT INTO sample VALUES (%s, %s, ARRAY[1.0], NULL)", (theirs.group_id, at))
                except psycopg.Error as error:
                    failures.append(error)
                written.append(at)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        outcome = run(owner, tmp_path)
    finally:
        done.set()
        thread.join()
    assert outcome.deleted_rows == 336
    assert written
    assert not failures
