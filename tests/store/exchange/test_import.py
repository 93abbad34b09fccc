"""`siloscope data import`, as people run it."""

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from siloscope_store.archive.day_files import SCHEMA
from tests.store.exchange.conftest import Run, count, refused, stored
from tests.store.farm import Farm

LONG = """time,device,channel,value,quality,unit
2026-02-01T06:00:00Z,mast,temperature,21.5,,Cel
2026-02-01T06:00:00Z,mast,wind_direction,180,,deg
2026-02-01T06:01:00Z,mast,temperature,,comm_failure,Cel
2026-02-01T06:02:00Z,mast,temperature,70.7,,degF
2026-02-01T06:03:00Z,mast,temperature,NA,,Cel
"""
SIX = datetime(2026, 2, 1, 6, tzinfo=UTC)


def at(minute: int) -> datetime:
    return SIX.replace(minute=minute)


def written(tmp_path: Path, text: str, name: str = "readings.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_an_unknown_organisation_or_site_is_refused(run: Run, farm: Farm, tmp_path: Path, capsys: Any) -> None:
    path = written(tmp_path, LONG)
    assert run("import", path, "--org", "nobody", "--site", "yard", "--node", "pi") == 78
    assert run("import", path, "--org", farm.slug, "--site", "moon", "--node", "pi") == 78
    assert "no organisation is named 'nobody'" in (told := capsys.readouterr().err)
    assert "no site of ours is named 'moon'" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "found the columns , expected a column 'time'"),
        (
            "when,device,channel,value\n",
            "readings.csv:1: found the columns when, device, channel, value, expected a column 'time'",
        ),
        ("time,channel,value\n", "expected a column 'device', or --device for all rows"),
        ("time,value,value,channel,device\n", "readings.csv:1: found 2 columns 'value', expected one"),
        ("time,t1 [Cel]\n", "column 't1 [Cel]': found no device"),
    ],
)
def test_a_file_that_lacks_what_is_needed_is_refused_whole(
    run: Run, to: list[str], tmp_path: Path, capsys: Any, text: str, told: str
) -> None:
    assert run("import", written(tmp_path, text), *to) == 78
    assert told in capsys.readouterr().err


def test_a_long_file(run: Run, farm: Farm, to: list[str], tmp_path: Path, capsys: Any) -> None:
    assert run("import", written(tmp_path, LONG), *to) == 0
    assert stored(farm) == {
        ("pi", "mast", "temperature"): [(at(0), 21.5, 0), (at(1), None, 201), (at(2), 21.5, 0)],
        ("pi", "mast", "wind_direction"): [(at(0), 180.0, 0)],
    }
    assert "4 readings; 1 marked as missing; 0 refused" in capsys.readouterr().out
    channels = farm.connection.execute("SELECT key, quantity, unit FROM channel ORDER BY key").fetchall()
    assert channels == [("temperature", "temperature", "Cel"), ("wind_direction", "wind_direction", "deg")]
    assert ("data.import", f"{farm.slug}/yard/pi") in farm.connection.execute(
        "SELECT action, subject FROM audit"
    ).fetchall()


def test_twice_is_once(run: Run, farm: Farm, to: list[str], tmp_path: Path, capsys: Any) -> None:
    path = written(tmp_path, LONG)
    assert run("import", path, *to) == 0
    before = stored(farm)
    assert run("import", path, *to) == 0
    assert "was imported on" in capsys.readouterr().out
    assert run("import", path, *to, "--again") == 0
    assert "0 new samples; 0 values differ" in capsys.readouterr().out
    assert stored(farm) == before
    assert count(farm.connection, "sample_conflict") == 0


def test_a_bad_line_is_told_and_the_rest_goes_on(run: Run, farm: Farm, to: list[str], tmp_path: Path) -> None:
    text = LONG + (
        "yesterday,mast,temperature,1,,Cel\n"
        "2026-02-01T06:05:00Z,mast,temperature,warm,,Cel\n"
        "2026-02-01T06:06:00Z,mast,temperature,1,odd,Cel\n"
        "2026-02-01T06:07:00Z,mast,temperature,1,,furlong\n"
        "2026-02-01T06:08:00Z,mast,temperature,1,,%RH\n"
        "2026-02-01T06:09:00Z,mast,temperature\n"
        '2026-02-01T06:10:00Z,"mast,temperature,1,,Cel\n'
        "2026-02-01T06:11:00Z,mast,humidity,1,,\n"
        "1950-01-01T00:00:00Z,mast,temperature,1,,Cel\n"
        "2026-02-01T06:12:00Z,mast,temperature,-400,,Cel\n"
        "2026-02-01T06:13:00Z,Mast,temperature,1,,Cel\n"
        "2026-02-01T06:14:00,mast,temperature,1,,Cel\n"
        "2026-02-01T06:15:00Z,=cmd(),temperature,1,,°Q\n"
        "2026-02-01T06:16:00Z,mast,temperature,9.5,,Cel\n"
    )
    path = written(tmp_path, text)
    assert run("import", path, *to) == 0
    found = refused(path)
    assert [(int(line), column) for line, column, *_ in found] == [
        *[(7, "time"), (8, "value"), (9, "quality"), (10, "unit"), (11, "unit"), (12, "record"), (13, "record")],
        *[(14, "unit"), (15, "time"), (16, "temperature"), (17, "device"), (18, "time"), (19, "unit")],
    ]
    assert found[1][2:] == ["warm", "a number"]
    assert found[10][3] == "a name of its own: 'mast' is 'mast' already"
    assert "--zone" in found[11][3]
    assert stored(farm)["pi", "mast", "temperature"][3:] == [(at(12), None, 207), (at(16), 9.5, 0)]


def test_strict_stops_at_the_first_bad_line(run: Run, farm: Farm, to: list[str], tmp_path: Path, capsys: Any) -> None:
    path = written(tmp_path, LONG + "yesterday,mast,temperature,1,,Cel\n")
    assert run("import", path, *to, "--strict") == 78
    assert "readings.csv: line 7: time: found 'yesterday', expected ISO 8601" in capsys.readouterr().err
    assert stored(farm) == {}


def test_a_dry_run_writes_nothing(run: Run, farm: Farm, to: list[str], tmp_path: Path, capsys: Any) -> None:
    path = written(tmp_path, LONG + "yesterday,mast,temperature,1,,Cel\n")
    assert run("import", path, *to, "--dry-run") == 0
    told = capsys.readouterr().out
    assert "4 readings; 1 marked as missing; 1 refused" in told
    assert "new channel mast/temperature [Cel]" in told
    assert "line 7: time: found 'yesterday'" in told
    for table in ("device", "sample", "import_run", "audit"):
        assert count(farm.connection, table) == 0
    assert not Path(f"{path}.rejects.csv").exists()


def test_a_wide_file_with_units_in_its_header(run: Run, farm: Farm, to: list[str], tmp_path: Path) -> None:
    text = "time;mast/t1 [degF];mast/rh [%RH]\n01.02.2026 00:00;68,0;55\n01.02.2026 00:01;-;56\n"
    path = written(tmp_path, text)
    mapping = written(tmp_path, "decimal: ','\n", "mapping.yaml")
    words = ("--zone", "America/Chicago", "--time-format", "%d.%m.%Y %H:%M", "--mapping", mapping)
    assert run("import", path, *to, *words) == 0
    assert stored(farm) == {
        ("pi", "mast", "t1"): [(at(0), 20.0, 0)],
        ("pi", "mast", "rh"): [(at(0), 55.0, 0), (at(1), 56.0, 0)],
    }


def test_a_mapping_names_channels(run: Run, farm: Farm, to: list[str], tmp_path: Path, capsys: Any) -> None:
    text = "when,temp,dewp,dir\n1769925600,68,NA,30\n"
    mapping = written(
        tmp_path,
        "time: when\ndevice: lga\ncolumns:\n"
        "  temp: {channel: temperature, unit: degF}\n"
        "  dewp: {channel: dew-point, unit: degF, quantity: dew_point}\n"
        "  dir: {unit: deg, quantity: wind_direction}\n",
        "mapping.yaml",
    )
    path = written(tmp_path, text)
    assert run("import", path, *to, "--mapping", mapping) == 0
    assert stored(farm) == {("pi", "lga", "temperature"): [(at(0), 20.0, 0)], ("pi", "lga", "dir"): [(at(0), 30.0, 0)]}
    wrong = written(tmp_path, "tiem: when\n", "wrong.yaml")
    assert run("import", path, *to, "--mapping", wrong) == 78
    assert "wrong.yaml:1: tiem: found 'tiem', expected" in capsys.readouterr().err


def test_line_protocol(run: Run, farm: Farm, to: list[str], tmp_path: Path) -> None:
    text = (
        "# exported\n"
        'weather,host=mast,unit=Cel t\\ 1=21.5,note="a b, c=d",ok=t,n=5i 1769925600000000000\n'
        "temperature,device=head,channel=t1,unit=Cel value=12,quality=0i 1769925600000000000\n"
        'temperature,device=head,channel=t1,unit=Cel quality=201i,reason="comm_failure" 1769925660000000000\n'
        "weather,host=mast t=1\n"
        "weather,host=mast t=abc 1769925600000000000\n"
    )
    path = written(tmp_path, text, "points.lp")
    mapping = written(tmp_path, "device_column: device\nunit: count\n", "mapping.yaml")
    assert run("import", path, *to, "--mapping", mapping) == 0
    assert stored(farm) == {
        ("pi", "head", "t1"): [(at(0), 12.0, 0), (at(1), None, 201)],
        ("pi", "weather", "t-1"): [(at(0), 21.5, 0)],
        ("pi", "weather", "ok"): [(at(0), 1.0, 0)],
        ("pi", "weather", "n"): [(at(0), 5.0, 0)],
    }
    assert [(line, column) for line, column, *_ in refused(path)] == [("2", "note"), ("5", "line"), ("6", "t")]


@pytest.mark.parametrize("kind", [pa.timestamp("us", tz="UTC"), pa.timestamp("ns", tz="UTC"), pa.timestamp("s", "UTC")])
def test_parquet_long_and_wide(run: Run, farm: Farm, to: list[str], tmp_path: Path, kind: pa.DataType) -> None:
    times = pa.array([at(0), at(1), at(2)], pa.timestamp("us", tz="UTC")).cast(kind)
    long = pa.table(
        {
            "time": times,
            "device": ["mast"] * 3,
            "channel": ["t1", "t1", "t2"],
            "value": [1.5, None, 3.5],
            "quality": pa.array([0, 202, 100], pa.int16()),
            "unit": ["Cel"] * 3,
        }
    )
    pq.write_table(long, tmp_path / "long.parquet", row_group_size=2)
    pq.write_table(pa.table({"time": times, "wide/t3 [Cel]": [1.0, None, 3.0]}), tmp_path / "wide.parquet")
    assert run("import", tmp_path / "long.parquet", *to) == 0
    assert run("import", tmp_path / "wide.parquet", *to) == 0
    assert stored(farm) == {
        ("pi", "mast", "t1"): [(at(0), 1.5, 0), (at(1), None, 202)],
        ("pi", "mast", "t2"): [(at(2), 3.5, 100)],
        ("pi", "wide", "t3"): [(at(0), 1.0, 0), (at(2), 3.0, 0)],
    }
    (tmp_path / "no.parquet").write_text("time,device\n")
    assert run("import", tmp_path / "no.parquet", *to) == 78


def test_a_file_of_the_archive(run: Run, farm: Farm, to: list[str], tmp_path: Path) -> None:
    """Rows of one sample: a value, a failure; and a sample in which no channel said anything."""
    rows = {
        **{"node": ["pi"] * 3, "device": ["mast"] * 3, "group": ["main"] * 3, "channel": ["t1", "t2", None]},
        **{"quantity": ["dew_point", "temperature", None], "unit": ["Cel", "Cel", None], "position": [0, 1, None]},
        **{"time": [at(0), at(0), at(1)], "value": [1.5, None, None], "quality": [0, 201, 0]},
        **{"reason": ["good", "comm_failure", "good"], "sample_length": [2, 2, 2], "sample_coded": [True, True, False]},
    }
    table = pa.table({name: pa.array(rows[name], _plain(SCHEMA.field(name).type)) for name in SCHEMA.names})
    pq.write_table(table.cast(SCHEMA), tmp_path / "day.parquet")
    assert run("import", tmp_path / "day.parquet", *to, "--strict") == 0
    assert stored(farm) == {("pi", "mast", "t1"): [(at(0), 1.5, 0)], ("pi", "mast", "t2"): [(at(0), None, 201)]}
    found = farm.connection.execute("SELECT quantity FROM channel WHERE key = 't1'").fetchall()
    assert found == [("dew_point",)]


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def test_a_month_of_real_weather(run: Run, farm: Farm, to: list[str]) -> None:
    """With its gaps, its missing values and its American units."""
    data = Path(__file__).parent / "data"
    assert (
        run(
            "import",
            data / "weather_lga_2013_01.csv",
            *to,
            "--mapping",
            data / "weather_lga.yaml",
            "--past-days",
            20_000,
        )
        == 0
    )
    found = stored(farm)
    with (data / "weather_lga_2013_01.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    temperatures = found["pi", "lga", "temperature"]
    assert len(temperatures) == sum(row["temp"] != "NA" for row in rows)
    assert temperatures[0] == (datetime(2013, 1, 1, 6, tzinfo=UTC), 4.4, 0)
    assert len(found["pi", "lga", "wind-gust"]) == sum(row["wind_gust"] != "NA" for row in rows)
    assert found["pi", "lga", "air-pressure"][0][1] == 1011.9


def test_a_gzipped_file(run: Run, farm: Farm, to: list[str], tmp_path: Path) -> None:
    path = tmp_path / "readings.csv.gz"
    path.write_bytes(gzip.compress(LONG.encode()))
    assert run("import", path, *to) == 0
    assert len(stored(farm)["pi", "mast", "temperature"]) == 3


def test_a_second_value_is_kept_beside_the_first(run: Run, farm: Farm, to: list[str], tmp_path: Path) -> None:
    text = LONG + "2026-02-01T06:00:00Z,mast,temperature,99,,Cel\n2026-02-01T06:00:00Z,mast,temperature,21.5,,Cel\n"
    assert run("import", written(tmp_path, text), *to) == 0
    assert stored(farm)["pi", "mast", "temperature"][0] == (at(0), 21.5, 0)
    found = farm.connection.execute("SELECT kept_value, other_value FROM sample_conflict").fetchall()
    assert found == [(21.5, 99.0)]


def test_what_is_there_stays_and_a_newer_latest_too(run: Run, farm: Farm, to: list[str], tmp_path: Path) -> None:
    group = farm.group("mast", [("temperature", "temperature", "Cel")])
    farm.samples(group, [(at(0), [5.0], None), (at(30), [6.0], None)])
    farm.latest(group, at(30), [6.0])
    assert run("import", written(tmp_path, LONG), *to) == 0
    assert stored(farm)["pi", "mast", "temperature"][0] == (at(0), 5.0, 0)
    latest = farm.connection.execute("SELECT times[1], values[1], times[2], values[2] FROM latest").fetchone()
    assert latest == (at(30), 6.0, at(0), 180.0)


def test_years_open_their_chunks_a_few_at_a_time(run: Run, farm: Farm, to: list[str], tmp_path: Path) -> None:
    rows = "".join(f"{1500000000 + week * 7 * 86400},mast,t1,{week},,Cel\n" for week in range(30))
    path = written(tmp_path, "time,device,channel,value,quality,unit\n" + rows)
    assert run("import", path, *to, "--past-days", 20000) == 0
    assert [value for _, value, _ in stored(farm)["pi", "mast", "t1"]] == [float(week) for week in range(30)]


def test_a_node_is_made_only_when_asked_for(run: Run, farm: Farm, tmp_path: Path) -> None:
    path = written(tmp_path, LONG)
    to = ["--org", farm.slug, "--site", "yard", "--node", "attic"]
    assert run("import", path, *to) == 0
    assert refused(path)[0][1:] == ["node", "attic", f"a node of {farm.slug}/yard; --create-node makes it"]
    assert run("import", path, *to, "--create-node", "--again") == 0
    assert ("attic", "mast", "temperature") in stored(farm)


def test_hours_below_the_horizon_of_the_roll_ups_are_marked(
    run: Run, farm: Farm, to: list[str], tmp_path: Path
) -> None:
    farm.connection.execute("INSERT INTO rollup_horizon (closed_to, settled_to) VALUES (%s, %s)", (at(1), at(1)))
    assert run("import", written(tmp_path, LONG), *to) == 0
    assert farm.connection.execute("SELECT bucket FROM rollup_touched").fetchall() == [(SIX,)]


def test_two_commands_never_work_on_one_file(
    run: Run,
    to: list[str],
    farm: Farm,
    tmp_path: Path,
    migrated_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    path = written(tmp_path, LONG)
    with psycopg.connect(migrated_database_url, autocommit=True) as other:
        run("import", path, *to)
        print_ = farm.connection.execute("SELECT encode(fingerprint, 'hex') FROM import_run").fetchone()
        assert print_ is not None
        other.execute("SELECT pg_advisory_lock(hashtextextended('siloscope import ' || %s, 0))", print_)
        assert run("import", path, *to) == 78
    assert "another import of this file under way" in capsys.readouterr().err
