"""What goes, what stays and why, on every home of the schema."""

import threading
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
from psycopg import Connection

from siloscope_store import flavour
from siloscope_store.archive import adopting, catalogue, restoring, writing
from siloscope_store.connections import connect
from siloscope_store.errors import ArchiveBroken, ArchiveBusy
from siloscope_store.retention import dropping, plan, policies
from siloscope_store.retention.turns import turn
from tests.store.farm import NOW, Farm, Group
from tests.store.retention.conftest import CHANNELS, OLD, hourly, rolled_up, stored

DAY = timedelta(days=1)


def run(connection: Connection[Any], directory: Path | None, at: Any = NOW) -> dropping.Outcome:
    return dropping.run(connection, at=at, directory=directory)


def late(farm: Farm, group: Group, at: Any, value: float = 99.0) -> None:
    """Write a sample as ingest does: older than the roll-ups' horizon, it leaves a mark in the same transaction."""
    with farm.connection.transaction():
        farm.samples(group, [(at, [value, value], None)])
        farm.connection.execute("SELECT touch_rollups(ARRAY[%s], ARRAY[%s::timestamptz])", (group.group_id, at))


def old_rows(connection: Connection[Any]) -> int:
    row = connection.execute('SELECT count(*) FROM sample WHERE "time" < %s', (NOW - timedelta(days=100),)).fetchone()
    assert row is not None
    return int(row[0])


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


def test_every_local_day_has_a_file_with_all_its_samples(owner: Connection[Any], head: Group, tmp_path: Path) -> None:
    run(owner, tmp_path)
    found = catalogue.files(owner)
    assert [file.key.day for file in found] == [date(2023, 3, 1) + n * DAY for n in range(15)]
    assert sum(file.samples for file in found) == 336
    assert found[1].path == "ours/yard/2023/2023-03-02.parquet"
    spring = next(file for file in found if file.key.day == date(2023, 3, 12))
    assert spring.samples == 23  # clocks went forward in Chicago
    assert all((tmp_path / file.path).stat().st_size == file.size_bytes for file in found)
    assert not list(tmp_path.rglob("*.coming"))


def test_what_was_dropped_comes_back_bit_by_bit(owner: Connection[Any], head: Group, tmp_path: Path) -> None:
    before = stored(owner)
    run(owner, tmp_path)
    assert len(stored(owner)) == 24
    with turn(owner):
        done = restoring.restore(owner, tmp_path, catalogue.files(owner), held_until=NOW + DAY)
    assert (done.files, done.samples, done.new, done.conflicts) == (15, 336, 336, 0)
    assert stored(owner) == before
    with turn(owner):
        again = restoring.restore(owner, tmp_path, catalogue.files(owner), held_until=NOW + DAY)
    assert (again.new, again.conflicts) == (0, 0)
    assert stored(owner) == before


def test_restored_spans_are_marked_and_held_and_go_again(owner: Connection[Any], head: Group, tmp_path: Path) -> None:
    run(owner, tmp_path)
    files = catalogue.files(owner)
    whole = "SELECT raw_is_whole(%s, %s, %s)"
    assert owner.execute(whole, (head.group_id, OLD, OLD + DAY)).fetchone() == (False,)
    with turn(owner):
        restoring.restore(owner, tmp_path, files, held_until=NOW + DAY)
    assert owner.execute(whole, (head.group_id, OLD, OLD + DAY)).fetchone() == (True,)
    hours = owner.execute("SELECT count(DISTINCT bucket) FROM rollup_touched").fetchone()
    assert hours == (15 * 24 - 1,)
    outcome = run(owner, tmp_path)
    assert not outcome.dropped
    assert any(plan.RESTORED in line for line in outcome.waits)
    rolled_up(owner)  # the marks are taken
    outcome = run(owner, tmp_path, NOW + 2 * DAY)
    assert len(outcome.dropped) == 2
    assert not outcome.archived  # the files hold it all already
    assert len(stored(owner)) == 24
    assert catalogue.files(owner) == files


def test_one_that_keeps_less_than_another_loses_its_rows_alone(
    owner: Connection[Any], head: Group, foreign: Farm, tmp_path: Path
) -> None:
    theirs = foreign.group("head", CHANNELS)
    foreign.samples(theirs, hourly(OLD, 14 * 24))
    policies.set_policy(owner, "theirs", "measurements", "hour", None)
    policies.set_policy(owner, "theirs", "measurements", "m5", None)
    policies.set_policy(owner, "theirs", "measurements", "raw", None)
    rolled_up(owner)
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


def test_what_comes_too_late_goes_at_the_next_run_where_there_is_no_archive(
    owner: Connection[Any], farm: Farm, head: Group
) -> None:
    policies.require_archive(owner, "ours", required=False)
    run(owner, None)
    late(farm, head, OLD + timedelta(hours=30))
    assert old_rows(owner) == 1  # stored like every sample
    assert len(run(owner, None).dropped) == 1
    assert old_rows(owner) == 0
    assert owner.execute("SELECT count(*) FROM archive_due").fetchone() == (0,)


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


def test_a_sample_that_comes_too_late_is_merged_into_the_file_and_its_rollups_are_made_again(
    owner: Connection[Any], farm: Farm, head: Group, tmp_path: Path
) -> None:
    everything = stored(owner)
    run(owner, tmp_path)
    at = OLD + timedelta(hours=30, minutes=20)
    late(farm, head, at)
    run(owner, tmp_path)
    # The whole day is there again for an hour, so that its roll-ups are made from all of it.
    assert old_rows(owner) == 25
    assert owner.execute("SELECT raw_is_whole(%s, %s, %s)", (head.group_id, at, at)).fetchone() == (True,)
    assert owner.execute("SELECT count(*) > 23 FROM rollup_touched").fetchone() == (True,)
    rolled_up(owner)
    outcome = run(owner, tmp_path, NOW + timedelta(hours=2))
    (written,) = outcome.archived
    assert (written.samples, written.merged) == (25, True)
    assert len(outcome.dropped) == 1
    assert old_rows(owner) == 0
    with turn(owner):
        restoring.restore(owner, tmp_path, catalogue.files(owner), held_until=NOW + 2 * DAY)
    assert set(everything) < set(stored(owner))
    assert len(stored(owner)) == len(everything) + 1


def test_a_sample_that_comes_between_file_and_drop_stops_the_drop(
    owner: Connection[Any], farm: Farm, head: Group, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, come = writing.archive_day, [OLD + timedelta(minutes=1), OLD + timedelta(days=9, minutes=1)]

    def archive_then_late(connection: Connection[Any], *arguments: Any, **named: Any) -> Any:
        written = write(connection, *arguments, **named)
        if come and arguments[1].day > come[0].date() + DAY:
            late(farm, head, come.pop(0))
        return written

    monkeypatch.setattr(dropping, "archive_day", archive_then_late)
    outcome = run(owner, tmp_path)
    assert not outcome.dropped
    assert sum("late sample" in line for line in outcome.waits) == 2
    for hours in (0, 2):
        run(owner, tmp_path, NOW + timedelta(hours=hours))
        rolled_up(owner)
    assert old_rows(owner) == 0
    assert sum(file.samples for file in catalogue.files(owner)) == 338


@pytest.mark.timeout(60)
def test_a_writer_in_the_middle_of_it_holds_the_drop_off(
    owner: Connection[Any], farm: Farm, head: Group, tmp_path: Path, migrated_database_url: str
) -> None:
    policies.require_archive(owner, "ours", required=False)
    with connect(migrated_database_url) as writer:
        writer.execute(
            "INSERT INTO sample VALUES (%s, %s, ARRAY[1.5, 2.5], NULL)", (head.group_id, OLD + timedelta(minutes=5))
        )
        outcome = run(owner, None)
        assert OLD not in [loss.span.begins for loss in outcome.dropped]
        writer.execute("SELECT touch_rollups(ARRAY[%s], ARRAY[%s::timestamptz])", (head.group_id, OLD))
        writer.commit()
    assert owner.execute('SELECT count(*) FROM sample WHERE "time" < %s', (OLD + 7 * DAY,)).fetchone() == (169,)
    run(owner, None)
    assert old_rows(owner) == 0


def test_a_missing_file_stops_the_drop_of_what_came_late(
    owner: Connection[Any], farm: Farm, head: Group, tmp_path: Path
) -> None:
    run(owner, tmp_path)
    file = catalogue.files(owner)[3]
    (tmp_path / file.path).write_bytes(b"broken")
    at = OLD + timedelta(days=2, hours=12)
    late(farm, head, at)
    outcome = run(owner, tmp_path)
    assert outcome.broken
    assert all("not the file that was recorded" in error.problem for error in outcome.broken)
    assert old_rows(owner) == 1
    with pytest.raises(ArchiveBroken, match="not the file"), turn(owner):
        restoring.restore(owner, tmp_path, [file], held_until=NOW + DAY)


def test_a_restored_database_takes_over_the_files_that_it_does_not_know(
    owner: Connection[Any], farm: Farm, head: Group, tmp_path: Path
) -> None:
    before = stored(owner)
    at = OLD + timedelta(hours=30, minutes=20)
    late(farm, head, at)
    rolled_up(owner)
    run(owner, tmp_path)
    owner.execute("DELETE FROM archive_file")  # as if restored to a moment before
    owner.execute("DELETE FROM raw_horizon")
    farm.samples(head, hourly(OLD, 14 * 24))
    assert stored(owner) == before
    outcome = run(owner, tmp_path)
    assert not outcome.dropped
    assert "archive adopt" in outcome.broken[0].problem
    (site,) = catalogue.sites(owner)
    _refuses_what_may_be_damaged(owner, tmp_path, next(adopting.unknown(owner, tmp_path, site)))
    for key in list(adopting.unknown(owner, tmp_path, site)):
        adopting.adopt(owner, tmp_path, key, at=NOW)
    assert not list(adopting.unknown(owner, tmp_path, site))
    assert len(run(owner, tmp_path).dropped) == 2
    assert sum(file.samples for file in catalogue.files(owner)) == 337


def _refuses_what_may_be_damaged(owner: Connection[Any], directory: Path, key: catalogue.DayKey) -> None:
    path = directory / key.path
    whole = path.read_bytes()
    with pq.ParquetFile(path) as file:
        table = file.read()
    said = {name: text for name, text in table.schema.metadata.items() if name != b"siloscope.sum"}
    pq.write_table(
        table.replace_schema_metadata(said), path
    )  # as anybody's tool writes it: no sums of pages, and none of the whole
    with pytest.raises(ArchiveBroken, match=rf"{key.day}.parquet: states no sum of what it holds"):
        adopting.adopt(owner, directory, key, at=NOW)
    harmed = bytearray(whole)
    harmed[len(harmed) // 2] ^= 1
    path.write_bytes(harmed)
    for without_sum in (False, True):
        with pytest.raises(ArchiveBroken, match=rf"{key.day}.parquet: cannot be read"):
            adopting.adopt(owner, directory, key, at=NOW, without_sum=without_sum)
    path.write_bytes(whole)
    assert catalogue.record(owner, key) is None


@pytest.mark.parametrize("step", ["announce_file", "replace", "record_file"])
def test_killed_anywhere_it_goes_on_and_no_part_is_taken_for_whole(
    owner: Connection[Any], head: Group, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = stored(owner)
    break_at = {"count": 4}

    class Killed(BaseException):
        pass

    original = writing._put_in_place

    def killed(connection: Any, seen: Any, coming: Path, target: Path, written: Any, at: Any) -> None:
        break_at["count"] -= 1
        if break_at["count"] != 0:
            original(connection, seen, coming, target, written, at)
            return
        if step != "announce_file":
            announced = {**seen.key.parameters, **written, "path": seen.key.path}
            connection.execute(writing._SQL["announce_file"], announced)
        if step == "record_file":
            coming.replace(target)
        raise Killed

    monkeypatch.setattr(writing, "_put_in_place", killed)
    with pytest.raises(Killed):
        run(owner, tmp_path)
    assert stored(owner) == before
    run(owner, tmp_path)
    with turn(owner):
        restoring.restore(owner, tmp_path, catalogue.files(owner), held_until=NOW + DAY)
    assert stored(owner) == before


def test_a_file_that_does_not_read_back_as_stored_drops_nothing(
    owner: Connection[Any], head: Group, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from siloscope_store.archive import day_files

    read = day_files.read
    monkeypatch.setattr(
        day_files, "read", lambda path: (each._replace(time_us=each.time_us + 1) for each in read(path))
    )
    before = stored(owner)
    outcome = run(owner, tmp_path)
    assert "does not read back as stored" in outcome.broken[0].problem
    assert stored(owner) == before
    assert not catalogue.files(owner)


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
    owner: Connection[Any], head: Group, foreign: Farm, tmp_path: Path, migrated_database_url: str
) -> None:
    theirs = foreign.group("head", CHANNELS)
    foreign.samples(theirs, hourly(OLD, 14 * 24))
    policies.set_policy(owner, "theirs", "measurements", "hour", None)
    policies.set_policy(owner, "theirs", "measurements", "m5", None)
    policies.set_policy(owner, "theirs", "measurements", "raw", None)
    rolled_up(owner)
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
