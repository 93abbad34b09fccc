"""An archive folder that is away, full, changed behind our back, or of another time zone: nothing goes for it."""

import errno
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from siloscope_process.command_line import main
from siloscope_store.archive import adopting, catalogue, restoring, verifying, writing
from siloscope_store.archive.day_files import DayFile
from siloscope_store.errors import ArchiveBroken
from siloscope_store.retention import dropping, policies
from siloscope_store.retention.turns import turn
from tests.store.farm import NOW, Farm, Group
from tests.store.retention.conftest import CHANNELS, DAY, OLD, hourly, rolled_up, run, stored

pytestmark = pytest.mark.postgres

WEEK = 7 * DAY


@pytest.fixture
def database_home() -> str:
    """Files are the same everywhere."""
    return "postgres"


@pytest.fixture
def archived(owner: Connection[Any], head: Group, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every file is made, and nothing is dropped yet: somebody used each span just then."""
    before = list(stored(owner))
    with monkeypatch.context() as patched:
        patched.setattr(dropping, "_drop", lambda *_: False)
        run(owner, tmp_path / "archive")
    assert stored(owner) == before
    return before


def test_nothing_is_dropped_when_the_folder_is_another_one_than_the_files_went_to(
    owner: Connection[Any], archived: list[Any], tmp_path: Path
) -> None:
    unmounted = tmp_path / "unmounted"
    for name in ("missing", "empty"):
        if name == "empty":
            unmounted.mkdir()
        outcome = run(owner, unmounted)
        assert "none of the files that were recorded" in outcome.broken[0].problem
        assert not outcome.dropped
        assert stored(owner) == archived
        assert not list(unmounted.rglob("*"))
    assert len(run(owner, tmp_path / "archive").dropped) == 2


def test_what_needs_no_file_goes_though_the_folder_is_away(
    owner: Connection[Any], archived: list[Any], foreign: Farm, tmp_path: Path
) -> None:
    theirs = foreign.group("head", CHANNELS)
    foreign.samples(theirs, hourly(OLD, 24))
    policies.require_archive(owner, "theirs", required=False)
    rolled_up(owner)
    policies.set_policy(owner, "ours", "measurements", "hour", None)
    policies.set_policy(owner, "ours", "measurements", "m5", None)
    policies.set_policy(owner, "ours", "measurements", "raw", None)
    outcome = run(owner, tmp_path / "unmounted")
    assert (len(outcome.broken), outcome.deleted_rows) == (1, 24)
    assert stored(owner) == archived


@pytest.mark.parametrize("harm", ["deleted", "flipped"])
def test_a_file_that_was_harmed_before_the_drop_stops_it_or_is_made_again(
    owner: Connection[Any], archived: list[Any], tmp_path: Path, harm: str
) -> None:
    archive = tmp_path / "archive"
    path = archive / catalogue.files(owner)[3].path
    content = bytearray(path.read_bytes())
    if harm == "deleted":
        path.unlink()
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    outcome = run(owner, archive)
    assert [loss.span.begins for loss in outcome.dropped] == [OLD + WEEK]
    assert [row for row in archived if row[1] < OLD + WEEK] == [row for row in stored(owner) if row[1] < OLD + WEEK]
    assert outcome.broken[0].path == str(path)
    content[len(content) // 2] ^= harm == "flipped"
    path.write_bytes(content)  # from the copy that somebody keeps
    assert len(run(owner, archive).dropped) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_folder_that_cannot_be_written_stops_what_needs_it_and_nothing_else(
    owner: Connection[Any], head: Group, farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    before = stored(owner)
    owner.execute(
        "INSERT INTO gap_record (org_id, node_id, kind, recorded_index, at) VALUES (%s, %s, 'evicted', 1, %s)",
        (farm.org_id, farm.node_id, NOW - 5000 * DAY),
    )

    def full(_self: DayFile, _samples: Any) -> None:
        raise OSError(number, "no way")

    with monkeypatch.context() as patched:
        patched.setattr(DayFile, "write", full)
        outcome = run(owner, tmp_path)
    assert "cannot be written: no way" in outcome.broken[0].problem
    assert outcome.deleted_rows == 1
    assert stored(owner) == before
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]  # the partial file does not fill the disk
    assert len(run(owner, tmp_path).dropped) == 2


def test_a_folder_that_cannot_be_made_is_one_line(
    owner: Connection[Any],
    head: Group,
    tmp_path: Path,
    shared_postgres_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("no folder")
    environment = {"SILOSCOPE_DATABASE_URL": shared_postgres_url, "SILOSCOPE_ARCHIVE_DIRECTORY": str(tmp_path / "file")}
    assert main(["db", "archive", "run"], environment) != 0
    assert "cannot be written: Not a directory" in capsys.readouterr().err


def test_killed_twice_around_the_rename_the_file_is_still_known(
    owner: Connection[Any],
    farm: Farm,
    archived: list[Any],
    head: Group,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Killed(BaseException):
        pass

    archive = tmp_path / "archive"
    (site,) = catalogue.sites(owner)
    key = catalogue.files(owner)[3].key
    at = OLD + timedelta(days=2, hours=12, minutes=5)

    def killed(*_: Any) -> None:
        raise Killed

    for step, value in (("_sync_folder", 1.0), ("replace", 2.0)):
        farm.samples(head, [(at + timedelta(minutes=value), [value, value], None)])
        with monkeypatch.context() as patched:
            patched.setattr(*((Path, "replace", killed) if step == "replace" else (writing, "_sync_folder", killed)))
            with pytest.raises(Killed):
                writing.archive_day(owner, archive, key, at=NOW)
    assert not list(adopting.unknown(owner, archive, site))
    written = writing.archive_day(owner, archive, key, at=NOW)
    assert written is not None
    assert written.samples == 26


def test_a_zone_that_was_corrected_leaves_no_hour_without_a_file(
    owner: Connection[Any], farm: Farm, head: Group, tmp_path: Path
) -> None:
    before = stored(owner)
    owner.execute("UPDATE site SET time_zone = 'UTC'")
    rolled_up(owner)
    policies.set_policy(owner, "ours", "measurements", "raw", (NOW - OLD - WEEK).days - 1)
    assert len(run(owner, tmp_path).dropped) == 1
    owner.execute("UPDATE site SET time_zone = 'America/Chicago'")
    rolled_up(owner)
    policies.set_policy(owner, "ours", "measurements", "raw", 700)
    assert len(run(owner, tmp_path).dropped) == 1
    with turn(owner):
        restoring.restore(owner, tmp_path, catalogue.files(owner), held_until=NOW + DAY)
    assert stored(owner) == before


def test_a_day_of_another_zone_is_put_back_whole(
    owner: Connection[Any], farm: Farm, head: Group, tmp_path: Path
) -> None:
    before = stored(owner)
    run(owner, tmp_path)
    owner.execute("UPDATE site SET time_zone = 'Pacific/Auckland'")
    rolled_up(owner)
    file = catalogue.files(owner)[5]
    with turn(owner):
        restoring.restore(owner, tmp_path, [file], held_until=NOW + DAY)
    ((during,),) = owner.execute("SELECT during FROM raw_restored").fetchall()
    wanted = [row for row in before if during.lower <= row[1] < during.upper]
    assert [row for row in stored(owner) if during.lower <= row[1] < during.upper] == wanted


def test_a_late_sample_waits_for_its_roll_up_whoever_writes_the_file(
    owner: Connection[Any], farm: Farm, head: Group, tmp_path: Path
) -> None:
    run(owner, tmp_path)
    file = catalogue.files(owner)[3]
    path = tmp_path / file.path
    at = OLD + timedelta(days=2, hours=12, minutes=5)
    farm.samples(head, [(at, [1.0, 1.0], None)])
    owner.execute("SELECT touch_rollups(ARRAY[%s], ARRAY[%s::timestamptz])", (head.group_id, at))
    path.rename(tmp_path / "aside")
    assert run(owner, tmp_path).broken
    (tmp_path / "aside").rename(path)
    writing.archive_day(owner, tmp_path, file.key, at=NOW)  # as 'archive run' does
    run(owner, tmp_path)
    assert owner.execute("SELECT raw_is_whole(%s, %s, %s)", (head.group_id, at, at)).fetchone() == (True,)
    assert owner.execute("SELECT count(*) > 23 FROM rollup_touched").fetchone() == (True,)


def test_edge_values_of_a_wide_group_come_back_bit_by_bit(owner: Connection[Any], farm: Farm, tmp_path: Path) -> None:
    wide = farm.group("mast", [(f"t{number}", "temperature", "Cel") for number in range(256)], interval_s=60)
    edges = [-0.0, 0.0, 1e308, -1e308, 5e-324, 1 / 3, None, -0.0]
    codes: list[int | None] = [0, 0, 0, 101, 0, 0, 201, 150]
    rows: list[tuple[Any, list[float | None], list[int | None] | None]] = [
        (OLD + timedelta(minutes=1), edges * 32, codes * 32),
        (OLD + timedelta(minutes=2), [None] * 256, None),
        (OLD + timedelta(minutes=3), [-0.0 if number % 2 else 0.0 for number in range(256)], None),
        (OLD + timedelta(minutes=4), [1.5], None),
        (OLD + timedelta(minutes=5), [None] * 255 + [7.25], [None] * 255 + [0]),
        (OLD + timedelta(minutes=6, milliseconds=1), [1.0] * 256, None),
        (OLD + timedelta(minutes=7, microseconds=1), [2.0] * 256, None),
    ]
    farm.samples(wide, rows)
    rolled_up(owner)
    before = stored(owner)
    assert not run(owner, tmp_path).broken
    assert not stored(owner)
    with turn(owner):
        restoring.restore(owner, tmp_path, catalogue.files(owner), held_until=NOW + DAY)
    assert stored(owner) == before


def test_a_broken_file_stops_a_restore_before_anything_is_put_back(
    owner: Connection[Any], head: Group, tmp_path: Path
) -> None:
    run(owner, tmp_path)
    before = stored(owner)
    files = catalogue.files(owner)
    (tmp_path / files[-1].path).unlink()
    with pytest.raises(ArchiveBroken, match="missing"), turn(owner):
        restoring.restore(owner, tmp_path, files, held_until=NOW + DAY)
    assert stored(owner) == before


def test_a_roll_up_of_what_went_without_a_file_stays_as_it_was(
    owner: Connection[Any], farm: Farm, head: Group, tmp_path: Path
) -> None:
    bucket = OLD + timedelta(hours=30)
    owner.execute("SELECT ensure_rollup_partitions('rollup_hour', ARRAY[%s::timestamptz])", (bucket,))
    owner.execute(
        "INSERT INTO rollup_hour (group_id, bucket, samples, counts, minimum, maximum, mean, last) "
        "VALUES (%s, %s, 1, '{1}', '{1}', '{1}', '{1}', '{1}')",
        (head.group_id, bucket),
    )
    policies.set_policy(owner, "ours", "measurements", "hour", None)
    policies.require_archive(owner, "ours", required=False)
    run(owner, tmp_path)
    policies.require_archive(owner, "ours", required=True)
    at = bucket + 2 * DAY // 48
    for _ in range(2):
        at += timedelta(hours=1)
        farm.samples(head, [(at, [1.0, 1.0], None)])
        owner.execute("SELECT touch_rollups(ARRAY[%s], ARRAY[%s::timestamptz])", (head.group_id, at))
        run(owner, tmp_path)
        assert owner.execute("SELECT raw_is_whole(%s, %s, %s)", (head.group_id, bucket, bucket)).fetchone() == (False,)
    assert [file.samples for file in catalogue.files(owner)] == [2]


def test_hours_outlast_samples_that_stay(owner: Connection[Any], farm: Farm) -> None:
    board = farm.group("board", [("load", "ratio", "/")], interval_s=60, retention_class="vitals")
    rows: list[tuple[datetime, list[float | None], list[int | None] | None]] = [
        (OLD + timedelta(hours=at), [1.0], None) for at in range(48)
    ]
    farm.samples(board, rows, "sample_vitals")
    for at, *_ in rows:
        owner.execute("SELECT ensure_rollup_partitions('rollup_hour', ARRAY[%s::timestamptz])", (at,))
        owner.execute(
            "INSERT INTO rollup_hour (group_id, bucket, samples, counts, minimum, maximum, mean, last) "
            "VALUES (%s, %s, 1, '{1}', '{1}', '{1}', '{1}', '{1}')",
            (board.group_id, at),
        )
    rolled_up(owner)
    outcome = run(owner, None)  # no archive directory: raw samples stay, and their hours of over two years
    assert sorted(outcome.waits) == ["ours/yard vitals: no_archive_directory", "ours/yard vitals: samples_stay"]
    assert owner.execute("SELECT count(*) FROM rollup_hour").fetchone() == (48,)
    policies.require_archive(owner, "ours", required=False)
    run(owner, None)  # samples first
    assert not stored(owner, "sample_vitals")
    run(owner, None)
    assert owner.execute("SELECT count(*) FROM rollup_hour").fetchone() == (0,)


def test_a_file_that_cannot_be_read_is_one_line(owner: Connection[Any], head: Group, tmp_path: Path) -> None:
    run(owner, tmp_path)
    file = catalogue.files(owner)[3]
    (tmp_path / file.path).unlink()
    (tmp_path / file.path).mkdir()
    with pytest.raises(ArchiveBroken, match="cannot be read: Is a directory"), turn(owner):
        restoring.restore(owner, tmp_path, [file], held_until=NOW + DAY)
    with pytest.raises(ArchiveBroken, match="cannot be read: Is a directory"):
        verifying.verify(owner, tmp_path, file, at=NOW)


def test_what_differs_from_a_file_stays_and_is_kept_beside(
    owner: Connection[Any], farm: Farm, head: Group, tmp_path: Path
) -> None:
    run(owner, tmp_path)
    file = catalogue.files(owner)[3]
    farm.samples(head, [(OLD + timedelta(days=2, hours=12), [1.0, None], None)])
    with turn(owner):
        done = restoring.restore(owner, tmp_path, [file], held_until=NOW + DAY)
    assert (done.new, done.conflicts) == (23, 1)
    kept = owner.execute("SELECT kept_value, other_value FROM sample_conflict").fetchall()
    assert kept == [(1.0, 16.0)]
