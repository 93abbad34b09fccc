"""The kernel is asked; a file or somebody else's word can stand for it."""

import ctypes
import sys
import time
from pathlib import Path

import pytest

from siloscope_edge.clock_settings import ClockSettings
from siloscope_edge.machine_clocks import KernelUnasked, boot_id, kernel_word, source_for
from siloscope_process.clock import ManualClock, SystemClock


class FakeLibc:
    """A C library whose kernel says what a test wants."""

    def __init__(self, state: int, status: int) -> None:
        self.state = state
        self.status = status

    def adjtimex(self, buffer: "ctypes.Array[ctypes.c_char]") -> int:
        ctypes.c_int.from_buffer(buffer, 5 * ctypes.sizeof(ctypes.c_long)).value = self.status
        return self.state


@pytest.mark.parametrize(
    ("state", "status", "right"), [(0, 0x2001, True), (0, 0x2041, False), (5, 0, False), (1, 0x11, True)]
)
def test_the_clock_is_right_where_the_kernel_says_so(
    monkeypatch: pytest.MonkeyPatch, state: int, status: int, right: bool
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: FakeLibc(state, status))
    assert kernel_word()() is right


def test_a_kernel_that_cannot_be_asked_is_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: FakeLibc(-1, 0))
    with pytest.raises(KernelUnasked, match="adjtimex"):
        kernel_word()
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(KernelUnasked, match="darwin"):
        kernel_word()


def test_this_kernel_answers_and_its_clocks_agree_with_pythons() -> None:
    source = source_for(ClockSettings(), SystemClock())
    look = source.look()
    assert isinstance(look.synchronised, bool)
    assert abs(look.wall_ms - time.time_ns() // 1_000_000) < 5_000
    assert abs(look.boot_ms - time.clock_gettime(time.CLOCK_BOOTTIME) * 1000) < 5_000
    assert source.boot == boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_a_file_stands_for_the_kernels_word(tmp_path: Path) -> None:
    file = tmp_path / "synchronized"
    source = source_for(ClockSettings(source="file", file=str(file)), SystemClock())
    assert not source.look().synchronised
    file.touch()
    assert source.look().synchronised


def test_a_clock_that_others_keep_is_believed() -> None:
    clock = ManualClock()
    clock.advance(7)
    look = source_for(ClockSettings(source="system"), clock).look()
    assert (look.boot_ms, look.wall_ms, look.synchronised) == (7_000, clock.now_ms(), True)
