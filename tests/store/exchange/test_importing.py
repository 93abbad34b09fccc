"""What an import has stored and counted, wherever it was killed."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.store.exchange.conftest import Killed, Run, count, killed_at_commit, refused, stored
from tests.store.farm import Farm


@pytest.mark.parametrize("dies_at", [1, 2, 3, 5, 8])
def test_killed_anywhere_it_goes_on_and_nothing_is_doubled(
    run: Run, farm: Farm, to: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    rows = [f"{1769925600 + number},mast,t{number % 3},{number},,Cel\n" for number in range(900)]
    rows[100] = rows[500] = "bad\n"
    path = tmp_path / "readings.csv"
    path.write_text("time,device,channel,value,quality,unit\n" + "".join(rows))
    monkeypatch.setattr("siloscope_store.exchange.text_files.BLOCK_BYTES", 8_000)
    killed_at_commit(dies_at, monkeypatch)
    for _ in range(2):
        with suppress(Killed):
            run("import", path, *to)
    found = stored(farm)
    assert sum(map(len, found.values())) == 898
    assert sorted(value for readings in found.values() for _, value, _ in readings if value is not None) == [
        float(number) for number in range(900) if number not in (100, 500)
    ]
    assert [int(line) for line, *_ in refused(path)] == [102, 502]
    run_row = farm.connection.execute("SELECT readings, refused, new_samples, finished_at IS NULL FROM import_run")
    assert run_row.fetchone() == (898, 2, 898, False)


@pytest.mark.parametrize("dies_at", [2, 3, 4, 5])
def test_killed_between_the_transactions_of_a_block_it_counts_as_if_it_had_run_through(
    run: Run,
    farm: Farm,
    to: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dies_at: int,
    capsys: Any,
) -> None:
    """Nineteen weeks take three transactions; nine second values that differ take two more."""
    rows = [(1500000000 + week * 7 * 86400, week, again) for again in (0, 1) for week in range(20)]
    text = "".join(f"{time},mast,t1,{week + again * (week % 2)},,Cel\n" for time, week, again in rows if week != 7)
    path = tmp_path / "readings.csv"
    path.write_text("time,device,channel,value,quality,unit\n" + text)
    words = (*to, "--past-days", 20_000)
    killed_at_commit(dies_at, monkeypatch)
    with pytest.raises(Killed):
        run("import", path, *words)
    assert run("import", path, *words) == 0
    assert count(farm.connection, "sample") == 19
    assert "19 new samples; 9 values differ" in capsys.readouterr().out
    found = farm.connection.execute("SELECT new_samples, conflicts, readings FROM import_run").fetchone()
    assert found == (19, 9, 38)
    kept = farm.connection.execute(
        "SELECT detail->>'new_samples', detail->>'conflicts' FROM audit WHERE action = 'data.import'"
    ).fetchall()
    assert kept == [("19", "9")]
