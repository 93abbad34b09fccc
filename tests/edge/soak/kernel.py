"""A machine's clocks on virtual time: boots that begin wrong, and people who set them."""

import asyncio

from siloscope_edge.clock_guard import Look

TRUE_MS = 1_790_000_000_000
"""What the time really is at the loop's second 0."""


def true_ms(at_s: float) -> int:
    """Return what the time really is."""
    return TRUE_MS + round(at_s * 1000)


class Kernel:
    """One machine over its boots; a boot begins unsynchronised. Asked by threads, too."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.boots: dict[str, float] = {}
        self.boot = ""
        self.synchronised = False
        self.error_ms = 0

    def power_up(self, *, error_s: float) -> None:
        """Boot with a wall clock that is wrong by so much."""
        self.boot = f"boot-{len(self.boots)}"
        self.boots[self.boot] = self._loop.time()
        self.synchronised = False
        self.error_ms = round(error_s * 1000)

    def step(self, seconds: float) -> None:
        """Set the wall clock by hand: the kernel forgets that it was synchronised."""
        self.error_ms += round(seconds * 1000)
        self.synchronised = False

    def synchronise(self) -> None:
        """Set it right, as NTP does."""
        self.error_ms = 0
        self.synchronised = True

    def wall_ms(self) -> int:
        """Return what the wall clock shows."""
        return true_ms(self._loop.time()) + self.error_ms

    def boot_ms(self) -> int:
        return round((self._loop.time() - self.boots[self.boot]) * 1000)

    def look(self) -> Look:
        boot_ms = self.boot_ms()
        base_ms = true_ms(self.boots[self.boot]) + self.error_ms
        return Look(boot_ms, base_ms + boot_ms, float(boot_ms), self.synchronised)
