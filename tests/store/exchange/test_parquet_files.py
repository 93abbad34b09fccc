"""Parquet is read in pieces whose size hangs on neither its length nor its width."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from siloscope_store.exchange import parquet_files
from siloscope_store.exchange.mapping import Mapping
from siloscope_store.exchange.parquet_files import ParquetFile
from siloscope_store.exchange.readings import Block
from siloscope_store.exchange.times import TimeReader

BEGIN_MS = 1_769_925_600_000
Said = tuple[str, int, float | None, int]


def wide(path: Path, rows: int, columns: int, rows_a_group: int | None = None) -> ParquetFile:
    """Write a file whose readings all differ."""
    times = pa.array([BEGIN_MS + 1_000 * row for row in range(rows)], pa.timestamp("ms", "UTC"))
    cells = {f"x/t{at} [Cel]": pa.array([row + at / 1_000 for row in range(rows)]) for at in range(columns)}
    pq.write_table(pa.table({"time": times, **cells}), path, row_group_size=rows_a_group)
    return ParquetFile(path, Mapping(), TimeReader())


def said(blocks: list[Block]) -> list[Said]:
    return sorted((each.key.channel, each.time_ms, each.value, each.line) for one in blocks for each in one.readings)


def test_a_block_of_a_wide_file_holds_no_more_than_one_of_a_narrow_file(tmp_path: Path) -> None:
    columns, rows = 400, 1_200
    blocks = list(wide(tmp_path / "wide.parquet", rows, columns).blocks(0, 0))
    assert max(len(block.readings) for block in blocks) <= parquet_files.BATCH_CELLS
    assert len(said(blocks)) == columns * rows
    narrow = list(wide(tmp_path / "narrow.parquet", parquet_files.BATCH_ROWS + 1, 1).blocks(0, 0))
    assert [len(block.readings) for block in narrow] == [parquet_files.BATCH_ROWS, 1]


@pytest.mark.parametrize("most", [1, 40, 77])
def test_a_wide_file_goes_on_behind_each_of_its_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Also with other blocks than those of the run that was killed."""
    file = wide(tmp_path / "wide.parquet", rows=30, columns=10, rows_a_group=13)
    monkeypatch.setattr(parquet_files, "BATCH_CELLS", most)
    blocks = list(file.blocks(0, 0))
    assert max(len(block.readings) for block in blocks) <= max(10, most)
    whole = said(blocks)
    assert len(whole) == 30 * 10
    monkeypatch.setattr(parquet_files, "BATCH_CELLS", 55)
    for stop, block in enumerate(blocks, 1):
        assert said([*blocks[:stop], *file.blocks(block.position, block.line)]) == whole
