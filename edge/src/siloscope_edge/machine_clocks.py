"""The machine's clocks: the kernel's word on whether the time is right, and the other sources of it."""

import ctypes
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path

from siloscope_edge.clock_guard import ClockGuard, Look, TimeSource
from siloscope_edge.clock_settings import ClockSettings
from siloscope_process.clock import Clock

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STA_UNSYNC = 0x0040
_STA_NANO = 0x2000
_TIME_ERROR = 5
_TIMEX_BYTES = 512
"""More than any kernel's struct timex, which ends in reserved words."""
_STATUS_AT = 4 * ctypes.sizeof(ctypes.c_long) + ctypes.sizeof(ctypes.c_long)
"""`modes`, padded to a long; `offset`, `freq`, `maxerror`, `esterror`, all long; then `status`."""
_TORN_NS = 2_000_000
_TRIES = 5


class KernelUnasked(Exception):
    """The kernel cannot be asked here."""


def source_for(settings: ClockSettings, clock: Clock) -> TimeSource:
    """Return the source that the settings name.

    Raises:
        KernelUnasked: The kernel is named, and this system has no `adjtimex`.
    """
    if settings.source == "system":
        return TrustedClock(clock)
    if settings.source == "file":
        file = Path(settings.file or "")
        return MachineClocks(file.exists)
    return MachineClocks(kernel_word())


def trusting(clock: Clock) -> ClockGuard:
    """Return a guard that believes the clock."""
    return ClockGuard(TrustedClock(clock), ClockSettings(source="system"))


class TrustedClock:
    """A clock that others keep right, as a container's host does.

    Args:
        clock: It.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.boot = boot_id()

    def boot_ms(self) -> int:
        return round(self._clock.monotonic_s() * 1000)

    def look(self) -> Look:
        boot_ms = self.boot_ms()
        return Look(boot_ms, self._clock.now_ms(), float(boot_ms), synchronised=True)


class MachineClocks:
    """The clocks of this machine.

    Args:
        synchronised: Says whether the wall clock is right.
    """

    def __init__(self, synchronised: Callable[[], bool]) -> None:
        self._synchronised = synchronised
        self.boot = boot_id()

    def boot_ms(self) -> int:
        return time.clock_gettime_ns(_BOOT_CLOCK) // 1_000_000

    def look(self) -> Look:
        # The word comes first: a clock is set and then declared right, never the other way round.
        synchronised = self._synchronised()
        boot_ns, wall_ns, oscillator_ns = _at_once()
        return Look(boot_ns // 1_000_000, wall_ns // 1_000_000, oscillator_ns / 1e6, synchronised)


def boot_id() -> str:
    """Return the kernel's id of this boot; a fresh one where the kernel has none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return secrets.token_hex(16)


def kernel_word() -> Callable[[], bool]:
    """Return what asks the kernel whether the clock is synchronised: `adjtimex` with nothing to set.

    Raises:
        KernelUnasked: This system has no `adjtimex`, or does not let it be called.
    """
    if sys.platform != "linux":
        raise KernelUnasked(f"{sys.platform} has no adjtimex")
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)

    def synchronised() -> bool:
        ctypes.memset(buffer, 0, _TIMEX_BYTES)
        state: int = libc.adjtimex(buffer)
        if state < 0:
            return False
        status = ctypes.c_int.from_buffer(buffer, _STATUS_AT).value
        return state != _TIME_ERROR and not status & _STA_UNSYNC

    if libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)) < 0:
        raise KernelUnasked(f"adjtimex is refused: errno {ctypes.get_errno()}")
    return synchronised


def kernel_offset_s() -> float | None:
    """Return how far the kernel still has to bring the clock to its source; None where it does not say.

    Source: adjtimex(2): `offset` counts nanoseconds where `STA_NANO` is set, else microseconds.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    if libc.adjtimex(buffer) < 0:
        return None
    offset = ctypes.c_long.from_buffer(buffer, ctypes.sizeof(ctypes.c_long)).value
    status = ctypes.c_int.from_buffer(buffer, _STATUS_AT).value
    return offset / (1e9 if status & _STA_NANO else 1e6)


_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_OSCILLATOR = getattr(time, "CLOCK_MONOTONIC_RAW", time.CLOCK_MONOTONIC)


def _at_once() -> tuple[int, int, int]:
    """Return boot time, wall clock and oscillator of one instant; read again where the reader was held up between."""
    found = 0, 0, 0
    least_ns: int | None = None
    for _ in range(_TRIES):
        before_ns = time.clock_gettime_ns(_BOOT_CLOCK)
        wall_ns, oscillator_ns = time.time_ns(), time.clock_gettime_ns(_OSCILLATOR)
        took_ns = time.clock_gettime_ns(_BOOT_CLOCK) - before_ns
        if least_ns is None or took_ns < least_ns:
            found, least_ns = (before_ns + took_ns // 2, wall_ns, oscillator_ns), took_ns
        if took_ns < _TORN_NS:
            break
    return found
