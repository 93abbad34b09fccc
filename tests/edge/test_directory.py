"""One agent a directory; what the last start may have lost is declared by the next."""

from pathlib import Path

import pytest

from siloscope_contract.gaps import GapKind
from siloscope_contract.packs import Sample
from siloscope_edge import directory
from siloscope_edge.config import SpoolLimits
from siloscope_edge.directory import claimed, open_spool
from siloscope_edge.errors import SpoolFull
from siloscope_edge.spool import Spool
from siloscope_edge.spool_file import FILE_NAME
from siloscope_process.clock import ManualClock
from siloscope_process.errors import Unavailable, WrongSetting

LIMITS = SpoolLimits()


def sample(time_ms: int) -> Sample:
    return Sample("head", time_ms, ("t1",), ("Cel",), [1.0], [0])


def test_a_second_agent_is_refused(tmp_path: Path) -> None:
    with (
        claimed(tmp_path / "data"),
        pytest.raises(Unavailable, match="another agent uses it"),
        claimed(tmp_path / "data"),
    ):
        pass
    with claimed(tmp_path / "data"):
        pass


def test_a_directory_that_cannot_be_made_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WrongSetting, match="data_directory"), claimed(tmp_path / "file" / "data"):
        pass


def test_the_first_start_has_nothing_to_declare(tmp_path: Path) -> None:
    spool, gaps = open_spool(tmp_path, LIMITS, ManualClock())
    spool.close(0)
    assert gaps == []


@pytest.mark.parametrize("damage", [None, "found damaged"])
def test_a_disk_that_does_not_let_it_be_opened_is_named_with_its_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str | None
) -> None:
    def full(*_: object) -> Spool:
        raise SpoolFull("disk I/O error")

    monkeypatch.setattr(directory, "Spool", full)
    with pytest.raises(SpoolFull, match=r"^disk I/O error; [0-9.]+ of [0-9]+ MB are free$"):
        open_spool(tmp_path, LIMITS, ManualClock(), damage)


@pytest.mark.parametrize(("off_s", "until_ms"), [(60, 60_000), (-60, 1)])
def test_the_time_since_the_last_sample_is_declared_even_by_a_clock_that_is_behind(
    tmp_path: Path, off_s: float, until_ms: int
) -> None:
    clock = ManualClock()
    last_ms = clock.now_ms()
    spool, _ = open_spool(tmp_path, LIMITS, clock)
    spool.write([sample(last_ms)], [], last_ms)
    clock.jump(off_s)
    again, (gap,) = open_spool(tmp_path, LIMITS, clock)  # the first was killed
    again.close(0)
    assert (gap.kind, gap.from_ms, gap.to_ms) == (GapKind.AGENT_OFF, last_ms + 1, last_ms + until_ms)


def test_a_damaged_spool_is_set_aside_and_what_it_owed_is_declared_by_number(tmp_path: Path) -> None:
    clock = ManualClock()
    spool, _ = open_spool(tmp_path, LIMITS, clock)
    for at in range(5):
        spool.write([sample(clock.now_ms() + at)], [], clock.now_ms())
    epoch = spool.epoch
    spool.close(0)
    again, gaps = open_spool(tmp_path, LIMITS, clock, damage="database disk image is malformed")
    assert not again.owed()
    again.close(0)
    evicted = [gap for gap in gaps if gap.kind is GapKind.EVICTED]
    assert [(gap.epoch, gap.first_seq, gap.last_seq) for gap in evicted] == [(epoch, 1, 5)]
    assert [gap.kind for gap in gaps][-1] is GapKind.AGENT_OFF
    assert (tmp_path / f"{FILE_NAME}.damaged-20240101T000000000000").exists()


def test_rubbish_in_place_of_the_spool_is_set_aside_too(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"rubbish" * 1000)
    spool, gaps = open_spool(tmp_path, LIMITS, ManualClock())
    spool.close(0)
    assert [gap.kind for gap in gaps] == [GapKind.AGENT_OFF]
