"""The reject file holds what one import refused, and never goes at the cost of anything else."""

import csv
from pathlib import Path
from typing import Any

import pytest

from siloscope_store import imports
from siloscope_store.exchange.errors import FileWrong
from siloscope_store.exchange.readings import Refused
from siloscope_store.exchange.rejects import Rejects
from tests.store.exchange.conftest import Killed, Run, count, killed_at_commit
from tests.store.farm import Farm

pytestmark = pytest.mark.postgres
OURS, OTHER = bytes(range(32)), bytes(range(1, 33))
BAD = Refused(2, "value", "warm", "a number")
TWO = "time,device,channel,value,unit\n2026-02-01T06:00:00Z,x,t,{bad},Cel\n2026-02-01T06:01:00Z,x,t,1,Cel\n"


@pytest.fixture
def database_home() -> str:
    """Files are the same on both."""
    return "postgres"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a reject file is, or will be."""
    return tmp_path / "rejects.csv"


@pytest.fixture
def to(farm: Farm, path: Path) -> list[str]:
    """The words that every import has."""
    return ["--org", farm.slug, "--site", "yard", "--node", "pi", "--rejects", str(path)]


def found_in(path: Path) -> list[str]:
    with path.open(newline="") as opened:
        return [row["found"] for row in csv.DictReader(opened)]


def file_of(tmp_path: Path, bad: str) -> Path:
    path = tmp_path / f"{bad}.csv"
    path.write_text(TWO.format(bad=bad))
    return path


def test_what_another_import_refused_stays(run: Run, farm: Farm, to: list[str], tmp_path: Path, capsys: Any) -> None:
    assert run("import", file_of(tmp_path, "warm"), *to) == 0
    before = (tmp_path / "rejects.csv").read_bytes()
    capsys.readouterr()
    assert run("import", file_of(tmp_path, "cold"), *to) == 78
    told = f"rejects.csv: found {len(before)} bytes that this import did not write, expected no file or this import's"
    assert told in capsys.readouterr().err
    assert (tmp_path / "rejects.csv").read_bytes() == before
    assert [count(farm.connection, table) for table in ("import_run", "sample")] == [1, 1]


def test_a_file_that_was_mended_gets_another_reject_file(
    run: Run, farm: Farm, to: list[str], tmp_path: Path, capsys: Any
) -> None:
    file, untold = tmp_path / "readings.csv", to[:-2]
    for bad in ("warm", "cold", "tepid"):
        file.write_text(TWO.format(bad=bad))
        assert run("import", file, *untold) == 0
    found = {path.name: found_in(path) for path in tmp_path.glob("*rejects*")}
    assert found == {
        f"readings.csv.rejects{n}.csv": [bad] for n, bad in (("", "warm"), ("-2", "cold"), ("-3", "tepid"))
    }
    assert "readings.csv.rejects-3.csv" in capsys.readouterr().out
    assert run("import", file, *untold, "--again") == 0  # its own again
    assert {path.name: found_in(path) for path in tmp_path.glob("*rejects*")} == found


def test_a_file_of_something_else_stays(run: Run, farm: Farm, to: list[str], path: Path, tmp_path: Path) -> None:
    path.write_text("all of 2024\n")
    assert run("import", file_of(tmp_path, "warm"), *to) == 78
    assert path.read_text() == "all of 2024\n"
    assert count(farm.connection, "import_run") == 0


def test_an_import_that_is_repeated_begins_its_reject_file_anew(
    run: Run, to: list[str], path: Path, tmp_path: Path
) -> None:
    file = file_of(tmp_path, "warm")
    for again in ([], ["--again"], ["--again"]):
        assert run("import", file, *to, *again) == 0
        assert found_in(path) == ["warm"]


def test_a_first_run_that_was_killed_before_it_noted_anything_goes_on(
    run: Run, farm: Farm, to: list[str], path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_of(tmp_path, "warm")
    with monkeypatch.context() as patched:
        killed_at_commit(1, patched)
        with pytest.raises(Killed):
            run("import", file, *to)
    assert found_in(path) == ["warm"]
    assert farm.connection.execute("SELECT rejects_bytes FROM import_run").fetchone() == (0,)
    assert run("import", file, *to) == 0
    assert found_in(path) == ["warm"]


def test_going_on_with_the_reject_file_of_another_import_leaves_it_whole(
    run: Run, farm: Farm, to: list[str], path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dying(*_: object) -> None:
        raise Killed

    other, file = tmp_path / "other.csv", file_of(tmp_path, "warm")
    assert run("import", file_of(tmp_path, "much-longer-than-warm"), *to[:-1], other) == 0
    before = other.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(imports, "finish", dying)
        with pytest.raises(Killed):
            run("import", file, *to)
    assert run("import", file, *to[:-1], other) == 78
    assert other.read_bytes() == before
    assert run("import", file, *to) == 0
    assert found_in(path) == ["warm"]


def test_what_followed_the_last_commit_is_cut_off(path: Path) -> None:
    first = Rejects(path, OURS, 0)
    first.append([BAD])
    noted = first.length
    first.append([BAD._replace(found="lost with its block")])
    assert Rejects(path, OURS, noted).length == noted == path.stat().st_size
    assert found_in(path) == ["warm"]


@pytest.mark.parametrize("written", range(40))
def test_a_first_line_that_was_torn_is_no_obstacle(path: Path, written: int) -> None:
    Rejects(path, OURS, 0).append([BAD])
    path.write_bytes(path.read_bytes()[:written])
    Rejects(path, OURS, 0).append([BAD])
    assert found_in(path) == ["warm"]


@pytest.mark.parametrize("left", [None, b"", 1])
def test_less_than_was_noted_is_refused(path: Path, left: bytes | int | None) -> None:
    """Its length would otherwise count bytes of another file."""
    first = Rejects(path, OURS, 0)
    first.append([BAD])
    whole = path.read_bytes()
    if left is None:
        path.unlink()
    else:
        path.write_bytes(whole[:-left] if isinstance(left, int) else left)
    with pytest.raises(FileWrong, match=f"bytes, expected the {len(whole)} that this import wrote"):
        Rejects(path, OURS, len(whole))


def test_two_imports_at_once_never_share_a_reject_file(path: Path) -> None:
    ours, other = Rejects(path, OURS, 0), Rejects(path, OTHER, 0)
    other.append([BAD])
    before = path.read_bytes()
    with pytest.raises(FileWrong, match="expected the 0 of this import alone"):
        ours.append([BAD])
    assert path.read_bytes() == before
