"""What is written stays, with the folder that it is in."""

from pathlib import Path

import pytest

from siloscope_edge import durable


def test_a_folder_that_is_made_is_synced_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(durable, "_sync_directory", synced.append)
    for content in (1, 2):
        durable.write(tmp_path / "remote" / "state.json", content)
    assert synced == [tmp_path, tmp_path / "remote", tmp_path / "remote"]
    assert durable.read(tmp_path / "remote" / "state.json", int) == 2
