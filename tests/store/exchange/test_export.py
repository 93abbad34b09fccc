"""`siloscope data export`, as people run it."""

import csv
import json
import zipfile
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from siloscope_store.exchange import exporting, rows_out
from siloscope_store.exchange.workbook import Workbook
from siloscope_store.exports import Selection
from tests.store.exchange.conftest import Killed, Run, stored
from tests.store.farm import Farm

SIX = datetime(2026, 2, 1, 6, tzinfo=UTC)
FORMS = ("csv", "parquet", "xlsx")


def at(second: int) -> datetime:
    return SIX + timedelta(seconds=second)


@pytest.fixture
def filled(farm: Farm) -> Farm:
    """A farm with two groups: one of two channels with a failure, one of vitals."""
    mast = farm.group("mast", [("temperature", "temperature", "Cel"), ("humidity", "relative_humidity", "%RH")])
    farm.samples(mast, [(at(second), [20.0 + second / 3, 50.0], None) for second in range(300)])
    farm.samples(mast, [(at(300), [None, 51.0], [201, 100]), (at(301), [1.0], None)])
    pi = farm.group("host", [("cpu", "temperature", "Cel")], retention_class="vitals")
    farm.samples(pi, [(at(0), [60.25], None)], "sample_vitals")
    farm.connection.execute("UPDATE channel SET title = '=HYPERLINK(\"x\")' WHERE key = 'humidity'")
    return farm


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as opened:
        return list(csv.DictReader(opened))


def test_names_that_do_not_exist_are_refused(run: Run, filled: Farm, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "out.csv"
    assert run("export", path, "--org", "nobody") == 78
    assert run("export", path, "--org", filled.slug, "--site", "moon") == 78
    assert run("export", path, "--org", filled.slug, "--device", "moon") == 78
    assert run("export", tmp_path / "out.doc", "--org", filled.slug) == 78
    assert run("export", path, "--org", filled.slug, "--from", "2026-01-02", "--to", "2026-01-01") == 78
    told = capsys.readouterr().err
    assert "found no channel of these names" in told
    assert "expected --format csv, parquet or xlsx" in told
    assert not list(tmp_path.iterdir())


def test_another_organisation_is_not_in_it(run: Run, filled: Farm, foreign: Farm, tmp_path: Path) -> None:
    group = foreign.group("mast", [("temperature", "temperature", "Cel")])
    foreign.samples(group, [(at(0), [999.0], None)])
    assert run("export", tmp_path / "out.csv", "--org", filled.slug) == 0
    assert "999.0" not in {row["value"] for row in rows(tmp_path / "out.csv")}


def test_csv_has_names_units_and_quality(run: Run, filled: Farm, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    assert run("export", path, "--org", filled.slug, "--local-time") == 0
    found = rows(path)
    assert len(found) == 604
    assert found[0] == {
        **{"time": "2026-02-01T06:00:00Z", "local_time": "2026-02-01T00:00:00-06:00", "site": "yard", "node": "pi"},
        **{"device": "mast", "channel": "temperature", "title": "", "quantity": "temperature", "unit": "Cel"},
        **{"value": "20.0", "quality": "0", "reason": "good"},
    }
    assert found[1]["title"] == '\'=HYPERLINK("x")'
    assert (found[600]["value"], found[600]["quality"], found[600]["reason"]) == ("", "201", "comm_failure")
    assert not list(tmp_path.glob("out.csv.*"))
    assert run("export", path, "--org", filled.slug) == 78  # a file is there


def test_a_selection(run: Run, filled: Farm, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    words = ("--site", "yard", "--device", "mast", "--channel", "humidity", "--from", "2026-02-01T06:00:10Z")
    assert run("export", path, "--org", filled.slug, *words, "--to", "2026-02-01T06:00:12Z") == 0
    assert [(row["time"], row["channel"]) for row in rows(path)] == [
        ("2026-02-01T06:00:10Z", "humidity"),
        ("2026-02-01T06:00:11Z", "humidity"),
    ]


def test_a_place_has_its_channels_while_they_were_there(run: Run, filled: Farm, tmp_path: Path) -> None:
    place = filled.place("bin-1")
    filled.put(place, "mast", "temperature", since=at(5), until=at(7))
    filled.put(place, "mast", "humidity", since=at(6), until=at(8))
    assert run("export", tmp_path / "out.csv", "--org", filled.slug, "--place", "bin-1") == 0
    assert [(row["time"][17:19], row["channel"]) for row in rows(tmp_path / "out.csv")] == [
        *[("05", "temperature"), ("06", "temperature"), ("06", "humidity"), ("07", "humidity")],
    ]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_what_goes_out_comes_in_again(run: Run, filled: Farm, foreign: Farm, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"out.{form}"
    assert run("export", path, "--org", filled.slug) == 0
    assert run("import", path, "--org", foreign.slug, "--site", "yard", "--strict") == 0
    assert stored(foreign) == stored(filled)
    named = "SELECT key, quantity, unit FROM channel WHERE org_id = %s ORDER BY key"
    ours, theirs = (filled.connection.execute(named, (each.org_id,)).fetchall() for each in (filled, foreign))
    assert ours == theirs


def test_a_workbook_holds_numbers_times_and_no_formula(run: Run, filled: Farm, tmp_path: Path) -> None:
    assert run("export", tmp_path / "out.xlsx", "--org", filled.slug) == 0
    with zipfile.ZipFile(tmp_path / "out.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == 605
    assert "<f>" not in sheet
    assert "&#x27;=HYPERLINK" in sheet or "'=HYPERLINK" in sheet


def test_a_full_sheet_is_followed_by_another(tmp_path: Path) -> None:
    book = Workbook(tmp_path / "book.xlsx", ["time", "value"], most_rows=3)
    book.write_rows((SIX, float(number)) for number in range(7))
    book.close()
    assert book.sheets == 3
    with zipfile.ZipFile(tmp_path / "book.xlsx") as found:
        sheets = [found.read(f"xl/worksheets/sheet{number}.xml").decode().count("<row ") for number in (1, 2, 3)]
    assert sheets == [4, 4, 2]


def test_roll_ups(run: Run, filled: Farm, tmp_path: Path) -> None:
    group = filled.connection.execute(
        "SELECT group_id FROM sample_group WHERE retention_class = 'measurements'"
    ).fetchone()
    assert group is not None
    filled.connection.execute("SELECT ensure_rollup_partitions('rollup_hour', %s)", ([SIX],))
    cells = ([3, 0], [1.0, None], [2.0, None], [3.0, None], [2.5, None], Jsonb({"1": {"201": 4, "100": 1}}))
    filled.connection.execute(
        "INSERT INTO rollup_hour (group_id, bucket, samples, counts, minimum, mean, maximum, last, reasons) "
        "VALUES (%s, %s, 7, %s, %s, %s, %s, %s, %s)",
        (group[0], SIX, *cells),
    )
    filled.connection.execute(
        "INSERT INTO rollup_day (group_id, day, samples, counts, minimum, mean, maximum, last, reasons) "
        "VALUES (%s, '2026-02-01', 7, %s, %s, %s, %s, %s, %s)",
        (group[0], *cells),
    )
    assert run("export", tmp_path / "hour.csv", "--org", filled.slug, "--level", "hour") == 0
    temperature, humidity = rows(tmp_path / "hour.csv")
    assert [temperature[name] for name in ("time", "count", "bad", "min", "mean", "max", "last")] == [
        *["2026-02-01T06:00:00Z", "3", "0", "1.0", "2.0", "3.0", "2.5"],
    ]
    assert [humidity[name] for name in ("count", "bad", "min")] == ["0", "4", ""]
    for form in FORMS:
        path = tmp_path / f"day.{form}"
        assert run("export", path, "--org", filled.slug, "--level", "day", "--local-time") == 0
    assert rows(tmp_path / "day.csv")[0]["day"] == "2026-02-01"
    assert pq.read_table(tmp_path / "day.parquet").column("day")[0].as_py().isoformat() == "2026-02-01"


@pytest.mark.parametrize("form", FORMS)
def test_a_page_without_a_reading_of_the_channel_is_no_obstacle(
    run: Run, farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr("siloscope_store.exports.CELLS_A_PAGE", 4)
    pair = farm.group("mast", [("temperature", "temperature", "Cel"), ("humidity", "relative_humidity", "%RH")])
    farm.samples(pair, [(at(second), [20.0, 50.0 if second == 9 else None], None) for second in range(10)])
    assert run("export", tmp_path / f"some.{form}", "--org", farm.slug, "--channel", "humidity") == 0
    farm.connection.execute("DELETE FROM sample WHERE time = %s", (at(9),))
    assert run("export", tmp_path / f"none.{form}", "--org", farm.slug, "--channel", "humidity") == 0


def test_days_of_a_place_are_those_when_the_channel_was_there(run: Run, farm: Farm, tmp_path: Path) -> None:
    group = farm.group("head", [("t1", "temperature", "Cel"), ("t2", "temperature", "Cel")])
    place, noon = farm.place("bin-1"), SIX + timedelta(hours=12)  # Chicago's midnight, and noon
    farm.put(place, "head", "t1", since=SIX + timedelta(days=1), until=noon + timedelta(days=2))
    farm.put(place, "head", "t1", since=noon + timedelta(days=5), until=noon + timedelta(days=6))
    farm.put(place, "head", "t2", since=SIX, until=SIX + timedelta(days=9))
    for day in range(9):
        farm.connection.execute(
            "INSERT INTO rollup_day (group_id, day, samples, counts, minimum, mean, maximum, last) VALUES "
            "(%s, %s, 1, '{1,1}', '{1,1}', '{1,1}', '{1,1}', '{1,1}')",
            (group.group_id, (SIX + timedelta(days=day)).date()),
        )
    words = ("--org", farm.slug, "--place", "bin-1", "--level", "day")
    assert run("export", tmp_path / "day.csv", *words) == 0
    found = rows(tmp_path / "day.csv")
    assert [row["day"][-1] for row in found if row["channel"] == "t1"] == ["2", "3", "7"]
    assert [row["day"][-1] for row in found if row["channel"] == "t2"] == list("123456789")
    assert run("export", tmp_path / "some.csv", *words, "--from", "2026-02-02", "--to", "2026-02-07") == 0
    assert [row["day"][-1] for row in rows(tmp_path / "some.csv") if row["channel"] == "t1"] == ["2", "3"]


@pytest.mark.parametrize("level", ["hour", "day"])
@pytest.mark.parametrize("cells", [2, 40_000])
def test_roll_ups_say_what_a_counter_added_whatever_was_reset(
    run: Run, farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str, cells: int
) -> None:
    monkeypatch.setattr("siloscope_store.exports.CELLS_A_PAGE", cells)
    group = farm.group("mast", [("temperature", "temperature", "Cel"), ("rain", "rain", "mm")])
    table, key = {"hour": ("rollup_hour", "bucket"), "day": ("rollup_day", "day")}[level]
    step = timedelta(**{f"{level}s": 1})
    begins = SIX.date() if level == "day" else SIX
    farm.connection.execute("SELECT ensure_rollup_partitions('rollup_hour', %s)", ([SIX - timedelta(days=1), SIX],))
    # At 1 nothing was read, between 2 and 3 it was reset.
    for number, rain in {0: (1.0, 4.0, 3.0), 1: (None,) * 3, 2: (6.0, 9.0, 3.0), 3: (1.0, 2.0, 1.0)}.items():
        first, last, within = ([None, cell] for cell in rain)
        counts, reasons = ([5, 5], {"1": {"101": 2}}) if rain[0] else ([5, 0], {"1": {"201": 5}})
        farm.connection.execute(
            sql.SQL(
                "INSERT INTO {} (group_id, {}, samples, counts, minimum, mean, maximum, first, last, increase, "
                "reasons) VALUES (%s, %s, 5, %s, '{{1}}', '{{1}}', '{{1}}', %s, %s, %s, %s)"
            ).format(sql.Identifier(table), sql.Identifier(key)),
            (group.group_id, begins + number * step, counts, first, last, within, Jsonb(reasons)),
        )
    words = ("--org", farm.slug, "--level", level, "--channel", "rain")
    assert run("export", tmp_path / "all.csv", *words) == 0
    found = rows(tmp_path / "all.csv")
    assert [row["increase"] for row in found] == ["3.0", "", "5.0", "2.0"]
    assert [row["uncertain"] for row in found] == ["2", "0", "2", "2"]
    since = "2026-02-03T06:00:00Z" if level == "day" else "2026-02-01T08:00:00Z"
    assert run("export", tmp_path / "late.csv", *words, "--from", since) == 0
    assert [row["increase"] for row in rows(tmp_path / "late.csv")] == ["5.0", "2.0"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dies_at", [1, 2, 5, 9])
def test_killed_anywhere_it_goes_on_and_the_file_is_the_same(
    run: Run, filled: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int, form: str
) -> None:
    monkeypatch.setattr("siloscope_store.exports.CELLS_A_PAGE", 60)
    monkeypatch.setattr(exporting, "ROWS_A_PART", 100)
    monkeypatch.setattr(exporting, "_SAVE_EVERY_S", 0)
    words = ("--org", filled.slug, "--to", "2026-02-02")
    assert run("export", tmp_path / f"whole.{form}", *words) == 0
    left = dies_at
    kind = exporting.CsvParts if form == "csv" else exporting.ParquetParts
    write = kind.write

    def dying(self: Any, page: Any) -> None:
        nonlocal left
        left -= 1
        write(self, page)
        if left == 0:
            if form == "csv":
                self._opened.write(b"half a li")
                self._opened.flush()
            raise Killed

    monkeypatch.setattr(kind, "write", dying)
    path = tmp_path / f"out.{form}"
    with pytest.raises(Killed):
        run("export", path, *words)
    assert not path.exists()
    assert run("export", path, *words) == 0
    if form == "csv":
        assert path.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    elif form == "parquet":
        assert pq.read_table(path).to_pylist() == pq.read_table(tmp_path / "whole.parquet").to_pylist()
    else:
        with zipfile.ZipFile(path) as book:
            assert book.read("xl/worksheets/sheet1.xml").count(b"<row ") == 605
    assert [each.name for each in tmp_path.glob("out.*")] == [f"out.{form}"]


def test_killed_while_the_workbook_is_made_nothing_is_left_of_its_sheets(
    run: Run, filled: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(book: Workbook, *_: object) -> None:
        book._book.close()  # what a killed process has open is closed as well; its files stay
        (tmp_path / "out.xlsx.making").unlink()
        (Path(book._book.tmpdir) / "tmp-of-a-sheet").touch()
        raise Killed

    path, words = tmp_path / "out.xlsx", ("--org", filled.slug, "--to", "2026-02-02")
    monkeypatch.setattr(Workbook, "close", killed)
    with pytest.raises(Killed):
        run("export", path, *words)
    monkeypatch.undo()
    assert all(each.name.startswith("out.xlsx.p") for each in tmp_path.iterdir())
    assert run("export", path, *words) == 0
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_another_export_to_the_same_file_begins_anew(run: Run, filled: Farm, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    Path(f"{path}.progress").write_text(json.dumps({"order": "another", "ends": "x", "size": 9}))
    Path(f"{path}.part").write_text("something else")
    assert run("export", path, "--org", filled.slug) == 0
    assert len(rows(path)) == 604


def test_readings_that_were_let_go_are_told(run: Run, filled: Farm, foreign: Farm, tmp_path: Path, capsys: Any) -> None:
    for farm in (filled, foreign):
        farm.connection.execute(
            "INSERT INTO raw_horizon (site_id, retention_class, org_id, kept_from) VALUES (%s, 'measurements', %s, %s)",
            (farm.site_id, farm.org_id, SIX - timedelta(days=1)),
        )
    assert run("export", tmp_path / "all.csv", "--org", filled.slug) == 0
    assert capsys.readouterr().out.count("measurements of yard before 2026-01-31 06:00 UTC have been let go") == 1
    for form in ("parquet", "xlsx"):
        assert run("export", tmp_path / f"all.{form}", "--org", filled.slug) == 0
    lacking = {"site": "yard", "retention_class": "measurements", "before": "2026-01-31T06:00:00Z"}
    metadata = pq.read_metadata(tmp_path / "all.parquet").metadata
    assert json.loads(metadata[b"siloscope.let_go"]) == [lacking]
    with zipfile.ZipFile(tmp_path / "all.xlsx") as book:
        assert b'name="let go"' in book.read("xl/workbook.xml")
        assert book.read("xl/worksheets/sheet2.xml").count(b"<row ") == 2
    capsys.readouterr()
    words = ("--org", filled.slug, "--from", "2026-02-01")
    assert run("export", tmp_path / "new.csv", *words) == 0
    assert run("export", tmp_path / "day.csv", "--org", filled.slug, "--level", "day") == 0
    assert "let go" not in capsys.readouterr().out


def test_roll_ups_that_were_let_go_are_told(run: Run, filled: Farm, foreign: Farm, tmp_path: Path, capsys: Any) -> None:
    # Of hours and finer it is noted site by site, of days for the whole organisation.
    for farm, level, site_id, last in (
        (filled, "hour", filled.site_id, SIX - timedelta(days=3)),
        (filled, "day", None, SIX - timedelta(days=30)),
        (foreign, "hour", foreign.site_id, SIX),
    ):
        farm.connection.execute(
            "INSERT INTO retention_loss (gone_at, org_id, site_id, retention_class, level, rows, size_bytes, "
            "first_time, last_time, archived) VALUES (%s, %s, %s, 'measurements', %s, 9, 99, %s, %s, false)",
            (SIX, farm.org_id, site_id, level, last - timedelta(days=7), last),
        )
    expected = {"hour": "2026-01-29 07:00", "day": "2026-01-03 06:00"}
    for level, before in expected.items():
        assert run("export", tmp_path / f"{level}.csv", "--org", filled.slug, "--level", level) == 0
        told = capsys.readouterr().out
        assert f"roll-ups ({level}) of measurements of yard before {before} UTC have been let go" in told
        words = ("--org", filled.slug, "--level", level, "--from", "2026-01-30")
        assert run("export", tmp_path / f"{level}-new.csv", *words) == 0
        assert "let go" not in capsys.readouterr().out


def test_a_version_with_other_columns_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Selection(1, SIX, at(5), "hour")
    ours = exporting.order_of(wanted, "csv", local=False, ends=None)
    assert exporting.order_of(wanted, "csv", local=False, ends=None) == ours
    monkeypatch.setattr(rows_out, "BUCKET", ("count", "bad", "min", "mean", "max", "last"))
    assert exporting.order_of(wanted, "csv", local=False, ends=None) != ours


@pytest.mark.parametrize("form", FORMS)
def test_killed_before_its_last_step_it_is_made_anew_and_whole(
    run: Run, filled: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    def killed(path: Path) -> None:
        raise Killed

    path, words = tmp_path / f"out.{form}", ("--org", filled.slug, "--to", "2026-02-02T00:00:00")
    monkeypatch.setattr(exporting, "_forget", killed)
    with pytest.raises(Killed):
        run("export", path, *words)
    monkeypatch.undo()
    whole = path.stat().st_size
    assert run("export", path, *words, "--force") == 0
    assert path.stat().st_size == pytest.approx(whole, abs=64)
    assert b"\0" * 64 not in path.read_bytes() or form != "csv"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_folder_that_is_not_there_is_told(run: Run, filled: Farm, tmp_path: Path, capsys: Any) -> None:
    assert run("export", tmp_path / "none" / "out.csv", "--org", filled.slug) == 78
    assert "expected room and a folder that can be written" in capsys.readouterr().err


def test_two_exports_never_write_one_file(
    run: Run, filled: Farm, tmp_path: Path, migrated_database_url: str, capsys: Any
) -> None:
    path = tmp_path / "out.csv"
    with psycopg.connect(migrated_database_url) as other:
        digest = sha256(str(path).encode()).hexdigest()
        other.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (f"siloscope import {digest}",))
        assert run("export", path, "--org", filled.slug) == 78
    assert "another export to this file under way" in capsys.readouterr().err
    assert run("export", path, "--org", filled.slug) == 0
