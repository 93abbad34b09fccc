"""Disk space held back for the day on which the disk is full."""

from pathlib import Path

import pytest

from siloscope_edge import reserve
from siloscope_edge.config import SpoolLimits
from siloscope_edge.reserve import RESERVE_BYTES, Reserve
from siloscope_edge.spool import RESERVE_NAME, Spool

MINUTE_MS = 60_000


def test_it_is_held_given_up_and_held_again_a_minute_later(tmp_path: Path) -> None:
    held = Reserve(tmp_path / "reserve", 0)
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= RESERVE_BYTES
    held.release()
    assert not held.retake(MINUTE_MS - 1)
    assert held.retake(MINUTE_MS)
    assert held.held


def test_it_is_not_taken_where_it_would_fill_the_disk_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserve, "RESERVE_BYTES", 1 << 60)
    held = Reserve(tmp_path / "reserve", 0)
    assert not held.held
    assert not held.retake(MINUTE_MS)


def test_a_squeezed_spool_stays_small_until_the_disk_has_room_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, SpoolLimits(), 0)
    assert (tmp_path / RESERVE_NAME).exists()
    spool.write([], [], 1, squeeze=True)
    assert not (tmp_path / RESERVE_NAME).exists()
    squeezed = spool._bound
    assert squeezed < spool.used_bytes()
    spool.write([], [], 2)
    assert spool._bound == squeezed
    spool.write([], [], 2 * MINUTE_MS)
    assert spool._bound == SpoolLimits().max_bytes
    spool.close(0)
