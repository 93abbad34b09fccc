"""Files as loggers, spreadsheets and broken disks leave them: read as they are meant, or refused where wrong."""

import csv
import gzip
import random
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from siloscope_store.exchange.errors import FileWrong
from siloscope_store.exchange.text_files import LONGEST_LINE, TextFile
from tests.store.exchange.conftest import Run, stored
from tests.store.farm import Farm

LONG = "time,device,channel,value,unit\n"
SIX = "2026-02-01T06:00:00Z"
Take = Callable[..., int]


@pytest.fixture
def take(run: Run, farm: Farm, tmp_path: Path) -> Take:
    """Import a file of these bytes, or this text."""

    def command(content: bytes | str, *words: object, name: str = "readings.csv") -> int:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return run("import", path, "--org", farm.slug, "--site", "yard", "--node", "pi", *words)

    return command


def refused(tmp_path: Path, name: str = "readings.csv") -> list[list[str]]:
    with (tmp_path / f"{name}.rejects.csv").open(newline="") as opened:
        return [row[1:] for row in csv.reader(opened)][1:]


def values(farm: Farm) -> dict[tuple[str, str, str], list[float | None]]:
    return {name: [value for _, value, _ in found] for name, found in stored(farm).items()}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (f"{LONG}{SIX},x,t,1,Cel\n".encode("utf-16"), "readings.csv:1: found UTF-16, expected UTF-8"),
        (b"time,t\xb0 [\xb0C]\n", "readings.csv:1: found bytes that are no utf-8"),
        (f"{LONG}{SIX},x,t,1,Cel\n".replace("\n", "\r").encode(), "found lines that end in CR alone"),
        (b"time,a [Cel],a [Cel]\n", "readings.csv:1: found 2 columns 'a [Cel]', expected one"),
        (b"time,a [Cel],a [degF]\n", "columns 'a [Cel]' and 'a [degF]', which are one channel"),
        (b"time,device,channel\n", "expected a column 'value'"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused_whole(
    take: Take, capsys: Any, content: bytes, told: str
) -> None:
    assert take(content, "--device", "x") == 78
    assert told in capsys.readouterr().err


def test_a_line_of_another_encoding_is_refused_and_never_stored_under_a_mangled_name(
    take: Take, farm: Farm, tmp_path: Path
) -> None:
    content = f"{LONG}{SIX},ok,t,1,Cel\n{SIX},Bürö,t,1,Cel\n".encode("latin-1")
    assert take(content) == 0
    assert values(farm) == {("pi", "ok", "t"): [1.0]}
    assert [(line, column) for line, column, _, _ in refused(tmp_path)] == [("3", "record")]
    assert "--encoding" in refused(tmp_path)[0][3]


def test_an_encoding_that_is_stated(take: Take, farm: Farm, capsys: Any) -> None:
    content = "time;temp [°C]\n2026-02-01T06:00:00Z;21,5\n".encode("cp1252")
    assert take(content, "--device", "x", "--encoding", "utf-16") == 78
    assert take(content, "--device", "x", "--encoding", "klingon") == 78
    assert "expected one that holds ASCII, such as cp1252" in capsys.readouterr().err
    assert take(content, "--device", "x", "--encoding", "cp1252", "--decimal", ",") == 0
    assert values(farm) == {("pi", "x", "temp"): [21.5]}


def test_a_spreadsheet_with_mark_quotes_and_trailing_separators(take: Take, farm: Farm) -> None:
    content = b'\xef\xbb\xbf"time";"t [\xc2\xb0C]";"";\r\n"2026-02-01T06:00:00Z";"-1,5";;\r\n'
    assert take(content, "--device", "x", "--decimal", ",") == 0
    assert values(farm) == {("pi", "x", "t"): [-1.5]}


def test_numbers_as_loggers_write_them(take: Take, farm: Farm, tmp_path: Path) -> None:
    said = ["-0", "NAN", "#N/A", "+3", " 2 ", "inf", "1e400", "1_0", '"1,5"', "0x10"]
    lines = [f"2026-02-01T06:{at:02}:00Z,x,t,{text},Cel\n" for at, text in enumerate(said)]
    assert take(LONG + "".join(lines)) == 0
    assert values(farm) == {("pi", "x", "t"): [0.0, 3.0, 2.0]}
    assert [line for line, *_ in refused(tmp_path)] == ["7", "8", "9", "10", "11"]
    assert refused(tmp_path)[3][3] == "a number; --decimal , where a comma is meant"


@pytest.mark.parametrize("unit", ["℃", "º C", "° C", "degC"])
def test_a_degree_by_any_sign(take: Take, farm: Farm, unit: str) -> None:
    assert take(f"{LONG}{SIX},x,t,1.5,{unit}\n") == 0
    assert values(farm) == {("pi", "x", "t"): [1.5]}


def test_a_c_is_no_coulomb_and_an_f_no_farad_unless_that_is_said(take: Take, farm: Farm, tmp_path: Path) -> None:
    assert take(f"{LONG}{SIX},x,t,1.5,C\n{SIX},x,u,1.5,F\n") == 0
    assert values(farm) == {}
    assert [(found, expected.split(";")[0]) for _, _, found, expected in refused(tmp_path)] == [
        ("C", "'Cel' or 'degC' for a temperature"),
        ("F", "'degF' for a temperature"),
    ]


def test_a_time_that_is_not_believed_is_told_once_a_line_and_readably(take: Take, farm: Farm, tmp_path: Path) -> None:
    content = "time,a [Cel],b [Cel]\n2013-01-01T06:00:00Z,1,2\n2099-01-01T06:00:00Z,1,2\n"
    assert take(content, "--device", "x") == 0
    assert [row[:3] for row in refused(tmp_path)] == [
        ["2", "time", "2013-01-01T06:00:00Z"],
        ["3", "time", "2099-01-01T06:00:00Z"],
    ]
    assert "--past-days" in refused(tmp_path)[0][3]
    assert take(content, "--device", "x", "--past-days", 9000) == 0
    assert values(farm) == {("pi", "x", "a"): [1.0], ("pi", "x", "b"): [2.0]}


def test_a_number_of_thousands_of_digits_is_no_time(take: Take, tmp_path: Path) -> None:
    assert take(f"{LONG}{'9' * 4300},x,t,1,Cel\n", "--time-format", "s") == 0
    assert refused(tmp_path)[0][3] == "a number of s since 1970"


def test_integers_beyond_all_floats_are_refused(take: Take, tmp_path: Path) -> None:
    name = "points.lp"
    text = f"m,channel=t,unit=Cel value={'9' * 400}i 1\nm,channel=t,unit=Cel value={'9' * 5000}i 1\n"
    assert take(text, name=name) == 0
    assert len(refused(tmp_path, name)) == 2


@pytest.mark.parametrize(
    "fields",
    [
        "value=-5u",
        "value=9223372036854775808i",
        "value=18446744073709551616u",
        "value=\u0663",  # a digit, but none of this protocol
        "value=\u0663i",
        "value=1,value=2",
        "value=1,quality=i",
    ],
)
def test_what_no_line_protocol_says_is_no_value(take: Take, farm: Farm, tmp_path: Path, fields: str) -> None:
    start, end, name = "m,device=x,unit=Cel,channel", "1769925600000000000\n", "points.lp"
    assert take(f"{start}=a {fields} {end}{start}=b value=2 {end}", name=name) == 0
    assert [row[0] for row in refused(tmp_path, name)] == ["1"]
    assert values(farm) == {("pi", "x", "b"): [2.0]}


def test_a_name_without_a_letter_says_which(take: Take, tmp_path: Path) -> None:
    assert take(f"{LONG}{SIX},°°°,t,1,Cel\n") == 0
    assert refused(tmp_path)[0][1:3] == ["device", "°°°"]


def test_more_channels_than_a_group_holds_go_to_a_further_group(take: Take, farm: Farm, tmp_path: Path) -> None:
    header = ",".join(f"c{at} [Cel]" for at in range(300))
    content = f"time,{header}\n{SIX},{','.join(map(str, range(300)))}\n"
    assert take(content, "--device", "x", "--dry-run") == 0
    assert take(content, "--device", "x") == 0
    assert values(farm) == {("pi", "x", f"c{at}"): [float(at)] for at in range(300)}
    keys = farm.connection.execute("SELECT key FROM sample_group WHERE org_id = %s ORDER BY 1", (farm.org_id,))
    assert keys.fetchall() == [("main",), ("main-2",)]


def test_a_mapping_sorts_new_channels_into_groups_and_retention_classes(take: Take, farm: Farm, tmp_path: Path) -> None:
    said = tmp_path / "said.yaml"
    said.write_text("columns:\n  t: {unit: Cel}\n  cpu: {unit: Cel, group: host, retention_class: vitals}\n")
    content = f"time,t,cpu\n{SIX},1,2\n"
    assert take(content, "--device", "x", "--mapping", said) == 0
    assert values(farm) == {("pi", "x", "t"): [1.0], ("pi", "x", "cpu"): [2.0]}
    found = farm.connection.execute(
        "SELECT key, retention_class FROM sample_group WHERE org_id = %s ORDER BY 1", (farm.org_id,)
    )
    assert found.fetchall() == [("host", "vitals"), ("main", "measurements")]


def test_a_gzip_file_with_a_flipped_bit_is_refused(take: Take, capsys: Any) -> None:
    content = bytearray(gzip.compress(f"{LONG}{SIX},x,t,1,Cel\n".encode() * 400))
    content[len(content) // 2] ^= 0xFF
    content[-8] ^= 0xFF
    assert take(bytes(content), name="readings.csv.gz") == 78
    assert "expected a whole gzip file" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["READINGS.CSV", "Readings.Csv.GZ"])
def test_a_suffix_in_capitals(take: Take, farm: Farm, name: str) -> None:
    content = f"{LONG}{SIX},x,t,1,Cel\n".encode()
    assert take(gzip.compress(content) if name.endswith("GZ") else content, name=name) == 0
    assert values(farm) == {("pi", "x", "t"): [1.0]}


def test_a_line_of_many_mebibytes_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_bytes(b"time\n" + b"x" * 40 * LONGEST_LINE + b"\nlast\n")
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = list(TextFile(path).blocks(0, 0))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 20 << 10
    assert [line for lines in found for line in lines.bad] == [2]
    assert found[-1].texts[-1] == "last"
    assert found[-1].position == path.stat().st_size
    assert found[-1].first + len(found[-1].texts) - 1 == 3


def test_what_was_refused_for_how_it_was_asked_for_is_taken_when_asked_rightly(
    run: Run, farm: Farm, tmp_path: Path
) -> None:
    path = tmp_path / "readings.csv"
    path.write_text(f"{LONG}{SIX},x,t,1,Cel\n")
    to = ["--org", farm.slug, "--site", "yard", "--node", "new"]
    assert run("import", path, *to) == 0
    assert values(farm) == {}
    assert run("import", path, *to, "--create-node") == 0
    assert values(farm) == {("new", "x", "t"): [1.0]}


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileWrong):
        TextFile(tmp_path)


def test_a_change_in_the_middle_of_a_long_file_is_another_file(take: Take, farm: Farm) -> None:
    filler = "".join(f"# {at:050}\n" for at in range(50_000))
    text = "{filler}m,channel=t,unit=Cel value={value} 1769925600000000000\n{filler}"
    assert take(text.format(filler=filler, value=1), name="a.lp") == 0
    assert take(text.format(filler=filler, value=2), name="a.lp") == 0
    row = farm.connection.execute("SELECT count(*) FROM sample_conflict").fetchone()
    assert row == (1,)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"time": pa.array([10**15], pa.timestamp("s"))}, None),
        ({"value": pa.array([[1.0]])}, "a number"),
        ({"time": pa.array([2**31 - 1], pa.int32()).cast(pa.date32())}, None),
        ({"value": pa.array([2**62]).view(pa.duration("s"))}, "a number"),
    ],
)
def test_odd_parquet_columns(take: Take, tmp_path: Path, columns: dict[str, Any], told: str | None) -> None:
    good = {
        **{"time": pa.array([1769925600], pa.timestamp("s", "UTC")), "device": ["x"], "channel": ["t"]},
        **{"value": [1.0], "unit": ["Cel"]},
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({**good, **columns}), sink)
    assert take(sink.getvalue().to_pybytes(), "--zone", "UTC", name="odd.parquet") == 0
    assert len(found := refused(tmp_path, "odd.parquet")) == 1
    assert told is None or found[0][3] == told


def test_names_in_parquet_that_are_no_texts(take: Take, tmp_path: Path) -> None:
    rows = {
        **{"time": pa.array([1769925600] * 2, pa.timestamp("s", "UTC")), "device": pa.array([b"x", b"x"])},
        **{"channel": pa.array([["t"], ["t"]]), "value": [1.0, 1.0], "unit": ["Cel", "Cel"]},
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(rows), sink)
    assert take(sink.getvalue().to_pybytes(), name="odd.parquet") == 0
    assert not (tmp_path / "odd.parquet.rejects.csv").exists()


def test_a_damaged_parquet_file_is_refused_in_one_line(take: Take, capsys: Any) -> None:
    """None is taken for a value, where the file has sums of its pages."""
    rows: dict[str, Any] = {
        "time": pa.array([1769925600 + second for second in range(400)], pa.timestamp("s", "UTC")),
        "mast/temperature [Cel]": [float(second % 30) for second in range(400)],
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(rows), sink, row_group_size=100, use_dictionary=False, write_page_checksum=True)
    whole, chance = sink.getvalue().to_pybytes(), random.Random(3)
    with pq.ParquetFile(pa.BufferReader(whole)) as file:
        column = file.metadata.row_group(2).column(1)
        begins = column.data_page_offset
    pages = range(begins + column.total_compressed_size // 2, begins + column.total_compressed_size)
    for _ in range(12):
        harmed = bytearray(whole)
        harmed[chance.choice(pages)] ^= 1 << chance.randrange(8)
        assert take(bytes(harmed), "--dry-run", name="harmed.parquet") == 78
        told = capsys.readouterr().err
        assert "Traceback" not in told
        assert "expected a " in told


def test_a_parquet_file_of_times_alone_is_refused(take: Take, capsys: Any) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"time": pa.array([1769925600], pa.timestamp("s", "UTC"))}), sink)
    assert take(sink.getvalue().to_pybytes(), "--device", "x", name="odd.parquet") == 78
    assert "expected columns of channels beside 'time'" in capsys.readouterr().err


def test_parquet_columns_of_one_name(take: Take, capsys: Any) -> None:
    sink = pa.BufferOutputStream()
    one = pa.array([1.0])
    pq.write_table(pa.table([one, one, one], names=["time", "a [Cel]", "a [Cel]"]), sink)
    assert take(sink.getvalue().to_pybytes(), "--device", "x", name="odd.parquet") == 78
    assert "found 2 columns 'a [Cel]', expected one" in capsys.readouterr().err
