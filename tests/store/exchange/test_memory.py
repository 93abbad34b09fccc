"""Files of any length go through a bounded memory."""

import gc
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from siloscope_store.exchange.workbook import Workbook
from tests.store.exchange.conftest import Run
from tests.store.farm import Farm

pytestmark = pytest.mark.postgres
HEADER = "time,device,channel,value,quality,unit\n"
BEGIN = 1_769_925_600


@pytest.fixture
def database_home() -> str:
    """Memory is the same on both."""
    return "postgres"


def peak_bytes(work: Callable[[], object]) -> int:
    """Return the most that a piece of work had allocated at once."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def file_of(path: Path, samples: int) -> Path:
    """Write a long file: ten channels a sample, and every hundredth line bad."""
    with path.open("w") as opened:
        opened.write(HEADER)
        for at in range(samples):
            for channel in range(10):
                value = "bad" if channel == 9 and at % 10 == 0 else f"{20 + at % 70 / 10}"
                opened.write(f"{BEGIN + at},head,t{channel},{value},,Cel\n")
    return path


def test_a_file_four_times_as_long_needs_no_more(
    run: Run, farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("siloscope_store.exchange.text_files.BLOCK_BYTES", 100_000)
    monkeypatch.setattr("siloscope_store.exchange.times._MOST_KEPT", 1_000)
    monkeypatch.setattr("siloscope_store.exports.CELLS_A_PAGE", 4_000)
    monkeypatch.setattr("siloscope_store.exchange.exporting.ROWS_A_PART", 10_000)
    to = ["--org", farm.slug, "--site", "yard", "--node", "pi"]
    files = [file_of(tmp_path / f"{samples}.csv", samples) for samples in (100, 2_000, 8_000)]
    _, small, large = [peak_bytes(lambda path=path: run("import", path, *to)) for path in files]  # type: ignore[misc]
    assert large < small * 1.3
    ends = {samples: datetime.fromtimestamp(BEGIN + samples, UTC).isoformat() for samples in (100, 2_000, 8_000)}
    for form in ("csv", "parquet"):
        words = [(tmp_path / f"{n}.out.{form}", "--org", farm.slug, "--to", end) for n, end in ends.items()]
        _, small, large = [peak_bytes(lambda word=word: run("export", *word)) for word in words]  # type: ignore[misc]
        assert large < small * 1.3, form


def test_a_workbook_four_times_as_long_needs_no_more(tmp_path: Path) -> None:
    def write(rows: int) -> None:
        book = Workbook(tmp_path / "book.xlsx", ["channel", "value"])
        book.write_rows((f"t{number}", float(number)) for number in range(rows))
        book.close()

    write(10)
    assert peak_bytes(lambda: write(4_000)) < peak_bytes(lambda: write(1_000)) * 1.3
