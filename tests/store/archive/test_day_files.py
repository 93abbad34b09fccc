"""The format of an archive file, and that others read it."""

import random
from collections.abc import Sequence
from pathlib import Path

import duckdb
import polars
import pyarrow
import pytest
from pyarrow import parquet

from siloscope_store.archive import day_files
from siloscope_store.archive.samples import ChannelName, GroupName, Sample

HEAD = GroupName("yard-pi", "bin1-head1", "main")
AGENT = GroupName("yard-pi", "agent", "main")
CHANNELS = {(HEAD, at): ChannelName(f"t{at + 1}", "temperature", "Cel") for at in range(4)} | {
    (AGENT, 0): ChannelName("load", "ratio", "/")
}
MIDNIGHT_US = 1_772_323_200_000_000


def written(path: Path, samples: Sequence[Sample]) -> Path:
    file = day_files.DayFile(path, CHANNELS, {"day": "2026-03-01"})
    file.write(samples)
    file.close()
    return path


def day(step_s: int = 60) -> list[Sample]:
    """Return a day that holds whatever a sample may hold, seeded."""
    chance = random.Random(4)
    samples = [
        Sample(AGENT, MIDNIGHT_US, (0.25,), None),
        Sample(HEAD, MIDNIGHT_US - 1, (None, None, None, None), None),
        Sample(HEAD, MIDNIGHT_US, (1.5, -0.0, 1e-300), None),
    ]
    for at in range(1, 86_400 // step_s):
        values = [chance.choice([None, round(chance.uniform(-30, 40), 1), 5e-324, 1.7e308]) for _ in range(4)]
        codes = [chance.choice([None, 201]) if value is None else chance.choice([0, 102]) for value in values]
        quality = tuple(codes) if any(codes) else None
        samples.append(Sample(HEAD, MIDNIGHT_US + at * step_s * 1_000_000, tuple(values), quality))
    return sorted(samples, key=lambda sample: sample.key)


def test_what_is_written_reads_back_bit_by_bit(tmp_path: Path) -> None:
    samples = day()
    found = list(day_files.read(written(tmp_path / "day.parquet", samples)))
    assert found == samples
    assert str([each.values for each in found]) == str([each.values for each in samples])  # tells -0.0 from 0.0


def test_a_large_day_is_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_files, "READINGS_A_ROW_GROUP", 100)
    samples = day()
    path = written(tmp_path / "day.parquet", samples)
    assert parquet.ParquetFile(path).num_row_groups > 20
    assert list(day_files.read(path)) == samples


def test_a_file_without_its_end_is_no_file(tmp_path: Path) -> None:
    path = written(tmp_path / "day.parquet", day())
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(day_files.DAMAGED):
        day_files.totals(path)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path / "day.parquet", day())
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(day_files.DAMAGED):
        day_files.totals(path)


def test_a_bit_that_flips_anywhere_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    path, chance = written(tmp_path / "day.parquet", day(600)), random.Random(6)
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    held = day_files.totals(path), list(day_files.read(path)), day_files.channels_of(path), day_files.about(path)
    stated = day_files.stated_sum(path)
    noticed = 0
    for at in [*chance.sample(range(footer), 300), *chance.sample(range(footer, len(whole)), 300)]:
        harmed = bytearray(whole)
        harmed[at] ^= 1 << chance.randrange(8)
        path.write_bytes(harmed)
        try:
            totals = day_files.totals(path)
            if day_files.stated_sum(path) != stated:  # none is refused where the file is taken over
                assert day_files.stated_sum(path) is None
                noticed += 1
                continue
        except day_files.DAMAGED:
            noticed += 1
            continue
        found = totals, list(day_files.read(path)), day_files.channels_of(path), day_files.about(path)
        assert str(found) == str(held), at
    assert noticed > 300


def test_what_was_changed_by_somebody_who_made_new_page_sums_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path / "day.parquet", day())
    with parquet.ParquetFile(path) as file:
        table, metadata = file.read(), file.metadata.metadata
    values = table.column("value").to_pylist()
    at = next(index for index, value in enumerate(values) if value is not None)
    values[at] += 1
    changed = table.set_column(
        table.schema.get_field_index("value"), table.schema.field("value"), pyarrow.array(values)
    )
    with parquet.ParquetWriter(path, changed.schema, write_page_checksum=False) as writer:
        writer.write_table(changed)
        writer.add_key_value_metadata({b"siloscope.sum": metadata[b"siloscope.sum"]})
    with pytest.raises(day_files.DAMAGED, match="does not have the sum that it states"):
        day_files.totals(path)


def test_the_sum_that_files_of_years_ago_state_is_made_alike_for_ever(tmp_path: Path) -> None:
    samples = [
        Sample(AGENT, MIDNIGHT_US, (0.25,), None),
        Sample(HEAD, MIDNIGHT_US - 1, (None, None, None, None), None),
        Sample(HEAD, MIDNIGHT_US, (1.5, -0.0, 1e-300), None),
        Sample(HEAD, MIDNIGHT_US + 1, (1.5, None, None, 20.1), (102, 201, None, 0)),
    ]
    path = written(tmp_path / "day.parquet", samples)
    assert day_files.stated_sum(path) == "14ce4a1ea2d70ffa61cd373a03c92298c6bcf117182d269b3ac56365332abcef"


def test_the_file_says_what_stands_at_each_position(tmp_path: Path) -> None:
    assert day_files.channels_of(written(tmp_path / "day.parquet", day())) == CHANNELS


def test_the_documented_columns_are_those_of_the_file() -> None:
    page = (Path(__file__).parents[3] / "docs" / "archive.md").read_text()
    rows = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| `")]
    documented = [(name.strip().strip("`"), kind.strip()) for name, kind in rows]
    kinds = {
        "dictionary<values=string, indices=int32, ordered=0>": "text",
        "timestamp[us, tz=UTC]": "timestamp, UTC, µs",
    }
    assert documented == [(field.name, kinds.get(str(field.type), str(field.type))) for field in day_files.SCHEMA]


def test_duckdb_reads_it(tmp_path: Path) -> None:
    path = written(tmp_path / "day.parquet", day())
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT channel, unit, reason, count(*), min(value), max(value) FROM read_parquet(?) "
            "WHERE device = 'bin1-head1' AND time >= TIMESTAMPTZ '2026-03-01 00:00:00+00' GROUP BY ALL",
            [str(path)],
        ).fetchall()
    samples = [each for each in day() if each.group == HEAD]
    for at in range(4):
        found_stuck = [s.values[at] for s in samples if s.quality and s.quality[at] == 102]
        stuck = [value for value in found_stuck if value is not None]
        row = next(row for row in found if row[:3] == (f"t{at + 1}", "Cel", "stuck"))
        assert row[3:] == (len(stuck), min(stuck), max(stuck))
        failed = sum(s.quality is not None and s.quality[at] == 201 for s in samples)
        assert next(row[3] for row in found if row[0] == f"t{at + 1}" and row[2] == "comm_failure") == failed


def test_polars_reads_it(tmp_path: Path) -> None:
    path = written(tmp_path / "day.parquet", day())
    frame = polars.read_parquet(path).filter(polars.col("channel").cast(polars.String) == "t1")
    expected = [s.values[0] for s in day() if s.group == HEAD and s.values[0] is not None]
    assert sorted(frame["value"].drop_nulls().to_list()) == sorted(value for value in expected if value is not None)
    assert str(frame.schema["time"]) == "Datetime(time_unit='us', time_zone='UTC')"
