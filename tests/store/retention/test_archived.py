"""What goes is in files first: every day in one, dropped only when it reads back as stored, and restored bit by bit."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from psycopg import Connection

from siloscope_store.archive import adopting, catalogue, restoring, writing
from siloscope_store.errors import ArchiveBroken
from siloscope_store.retention import plan
from siloscope_store.retention.turns import turn
from tests.store.farm import NOW, Farm, Group
from tests.store.retention.conftest import DAY, OLD, hourly, late, rolled_up, run, stored


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
