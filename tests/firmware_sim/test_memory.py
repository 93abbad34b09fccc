"""What instruments remember without power."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from siloscope_firmware_sim.instruments.r4dcb08 import R4dcb08
from siloscope_firmware_sim.memory import Memory
from siloscope_firmware_sim.modbus.requests import answer


def test_a_correction_outlives_a_restart(tmp_path: Path) -> None:
    head = R4dcb08(1, lambda: [20.0], memory=Memory(tmp_path / "memory.json").of("farm/head"))
    answer(head, bytes.fromhex("0600080014"))

    again = R4dcb08(1, lambda: [20.0], memory=Memory(tmp_path / "memory.json").of("farm/head"))
    other = R4dcb08(2, lambda: [20.0], memory=Memory(tmp_path / "memory.json").of("farm/other"))

    assert answer(again, bytes.fromhex("0300000001")) == bytes.fromhex("030200DC")
    assert answer(other, bytes.fromhex("0300000001")) == bytes.fromhex("030200C8")


def test_a_refused_write_is_not_remembered(tmp_path: Path) -> None:
    head = R4dcb08(1, lambda: [20.0], memory=Memory(tmp_path / "memory.json").of("farm/head"))
    answer(head, bytes.fromhex("0600FE0000"))

    assert not (tmp_path / "memory.json").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"farm/head": {"x": 1}}'])
def test_a_damaged_memory_is_told_and_counts_as_delivered(tmp_path: Path, content: str) -> None:
    file = tmp_path / "memory.json"
    file.write_text(content, encoding="utf-8")

    with capture_logs() as logs:
        assert dict(Memory(file).of("farm/head")) == {}
    assert [record["event"] for record in logs] == ["memory_unreadable"]
