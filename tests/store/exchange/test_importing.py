"""What an import has counted, wherever it was killed."""

from pathlib import Path
from typing import Any

import pytest

from siloscope_store.exchange import importing
from tests.store.exchange.conftest import Run, count
from tests.store.farm import Farm


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("dies_at", [2, 3, 4, 5])
def test_killed_between_the_transactions_of_a_block_it_counts_as_if_it_had_run_through(
    run: Run, farm: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int, capsys: Any
) -> None:
    """Nineteen weeks take three transactions; nine second values that differ take two more."""
    rows = [(1500000000 + week * 7 * 86400, week, again) for again in (0, 1) for week in range(20)]
    text = "".join(f"{time},mast,t1,{week + again * (week % 2)},,Cel\n" for time, week, again in rows if week != 7)
    path = tmp_path / "readings.csv"
    path.write_text("time,device,channel,value,quality,unit\n" + text)
    words = ("--org", farm.slug, "--site", "yard", "--node", "pi", "--past-days", 20_000)
    commit, left = importing.Import._commit, dies_at

    async def dying(self: Any, *arguments: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed
        await commit(self, *arguments)

    monkeypatch.setattr(importing.Import, "_commit", dying)
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
