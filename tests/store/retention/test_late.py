"""Samples that come when their day is archived or dropped already: each reaches its file and its roll-ups."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from siloscope_store.archive import catalogue, restoring, writing
from siloscope_store.connections import connect
from siloscope_store.errors import ArchiveBroken
from siloscope_store.retention import dropping, policies
from siloscope_store.retention.turns import turn
from tests.store.farm import NOW, Farm, Group
from tests.store.retention.conftest import DAY, OLD, late, old_rows, rolled_up, run, stored


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
