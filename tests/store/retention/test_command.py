"""`siloscope db retention` and `siloscope db archive` as people use them."""

from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from siloscope_process.command_line import main
from tests.store.farm import Farm, Group

pytestmark = pytest.mark.postgres


@pytest.fixture
def url(shared_postgres_url: str, owner: Connection[Any], farm: Farm) -> str:
    return shared_postgres_url


@pytest.fixture
def database_home() -> str:
    """What a command says is the same everywhere."""
    return "postgres"


def db(url: str, *arguments: str, archive: Path | None = None) -> int:
    directory = {} if archive is None else {"SILOSCOPE_ARCHIVE_DIRECTORY": str(archive)}
    return main(["db", *arguments], {"SILOSCOPE_DATABASE_URL": url, **directory})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("retention", "show", "nobody"), "no organisation is named 'nobody'"),
        (("retention", "set", "ours", "vitals", "raw", "soon"), "'soon' is no duration; expected"),
        (("retention", "set", "nobody", "vitals", "raw", "9d"), "no organisation is named 'nobody'"),
        (("archive", "run"), "SILOSCOPE_ARCHIVE_DIRECTORY is not set"),
        (("archive", "verify"), "SILOSCOPE_ARCHIVE_DIRECTORY is not set"),
    ],
)
def test_what_is_wrong_is_one_line(
    url: str, arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert db(url, *arguments) == 78
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


def test_a_restore_of_nothing_is_one_line(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    days = ("--org", "ours", "--site", "yard", "--from", "2023-03-01", "--to", "2023-03-02")
    assert db(url, "archive", "restore", *days, archive=tmp_path) == 78
    assert "there is no file of ours/yard in these days" in capsys.readouterr().err
    assert db(url, "archive", "restore", *days, "--hold-days", "0", archive=tmp_path) == 78


def test_set_then_show(url: str, owner: Connection[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert db(url, "retention", "set", "ours", "vitals", "raw", "30d") == 0
    assert capsys.readouterr().out == "ours keeps vitals raw 30d; see 'siloscope db retention plan'\n"
    assert db(url, "retention", "archive", "ours", "off") == 0
    capsys.readouterr()
    assert db(url, "retention", "show", "ours") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["ours", "vitals", "raw", "30d"] in lines
    assert ["ours", "measurements", "raw", "2y", "(default)"] in lines
    assert lines[-1] == ["ours", "archive", "off"]
    deeds = owner.execute("SELECT action, subject FROM audit ORDER BY audit_id").fetchall()
    assert deeds == [("retention.set", "vitals/raw"), ("retention.archive", "off")]


def test_from_the_plan_to_the_restore(
    url: str, head: Group, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert db(url, "retention", "plan") == 0
    assert capsys.readouterr().out.count("stays: no_archive_directory") == 2
    assert db(url, "retention", "plan", archive=tmp_path) == 0
    plan = capsys.readouterr().out.splitlines()
    assert plan[0].startswith("raw sample_20230302 (2023-03-02 to 2023-03-09): drop whole, ")
    assert plan[1].startswith("  ours/yard measurements: 168 rows, ")
    assert plan[1].endswith("2023-03-02 00:00 to 2023-03-08 23:00, 8 days to archive first")
    assert db(url, "archive", "run", "--to", "2023-03-02", archive=tmp_path) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert db(url, "archive", "list") == 0
    assert capsys.readouterr().out.splitlines()[1].endswith("made before its time")
    assert db(url, "retention", "apply", archive=tmp_path) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-3:] == ["dropped sample_20230302", "dropped sample_20230309", "deleted 0 rows"]
    assert db(url, "archive", "verify", archive=tmp_path) == 0
    assert capsys.readouterr().out == "15 files, 0 of them wrong\n"
    days = ("--org", "ours", "--site", "yard", "--from", "2023-03-01", "--to", "2023-03-31")
    assert db(url, "archive", "restore", *days, archive=tmp_path) == 0
    assert capsys.readouterr().out.startswith("15 files, 336 samples: 336 put back, 0 were there, 0 readings differ")
    next(tmp_path.rglob("2023-03-05.parquet")).write_bytes(b"PAR1")
    assert db(url, "archive", "verify", archive=tmp_path) == 78
    assert "15 files, 1 of them wrong" in capsys.readouterr().out


def test_files_that_are_lost_for_good_are_forgotten_and_no_other_one(
    url: str, owner: Connection[Any], head: Group, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert db(url, "retention", "apply", archive=tmp_path) == 0
    damaged, missing = (next(tmp_path.rglob(f"2023-03-0{day}.parquet")) for day in (5, 6))
    damaged.write_bytes(b"PAR1")
    missing.unlink()
    days = ("--org", "ours", "--site", "yard", "--from", "2023-03-04", "--to", "2023-03-06")
    capsys.readouterr()
    assert db(url, "archive", "forget", *days, "--dry-run", archive=tmp_path) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 files would be forgotten, 1 is whole and stays"
    assert db(url, "archive", "verify", archive=tmp_path) == 78
    capsys.readouterr()
    assert db(url, "archive", "forget", *days, archive=tmp_path) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert first == (
        "ours/yard/2023/2023-03-05.parquet: not the file that was recorded; "
        "24 samples are lost, what is there is now 2023-03-05.parquet.damaged"
    )
    assert second == "ours/yard/2023/2023-03-06.parquet: missing; 24 samples are lost"
    assert last == "2 files are forgotten, 1 is whole and stays"
    assert damaged.with_name("2023-03-05.parquet.damaged").read_bytes() == b"PAR1"
    assert db(url, "archive", "verify", archive=tmp_path) == 0
    assert capsys.readouterr().out == "13 files, 0 of them wrong\n"
    assert db(url, "archive", "forget", *days, archive=tmp_path) == 0
    assert capsys.readouterr().out == "0 files are forgotten, 1 is whole and stays\n"
    deeds = owner.execute("SELECT subject, detail FROM audit WHERE action = 'archive.forget'").fetchall()
    assert deeds == [("yard", {"from": "2023-03-04", "to": "2023-03-06", "files": 2, "samples": 48})]


def test_a_folder_that_is_not_mounted_makes_no_file_lost(
    url: str, head: Group, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert db(url, "retention", "apply", archive=tmp_path) == 0
    days = ("--org", "ours", "--site", "yard", "--from", "2023-03-01", "--to", "2023-03-31")
    assert db(url, "archive", "forget", *days, archive=tmp_path / "elsewhere") == 78
    assert "is the right folder mounted?" in capsys.readouterr().err
    assert db(url, "archive", "verify", archive=tmp_path) == 0
