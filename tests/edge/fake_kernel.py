"""A kernel's clocks that a test moves: boots, steps, and whether NTP has spoken."""

from siloscope_edge.clock_guard import Look


class FakeKernel:
    """One machine over its boots.

    Args:
        true_ms: What the time really is.
    """

    def __init__(self, true_ms: int) -> None:
        self.true_ms = true_ms
        self.boots = 0
        self.boot = "boot-0"
        self.synchronised = False
        self.error_ms = 0
        self.drift_ppm = 0.0
        self._booted_true_ms = true_ms
        self._oscillator_ms = 0.0

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.true_ms += round(seconds * 1000)
        self._oscillator_ms += seconds * 1000 / (1 + self.drift_ppm / 1e6)

    def reboot(self, off_s: float, *, error_s: float) -> None:
        """Be off for a while; then the clock is wrong by so much, and nobody has synchronised it."""
        self.true_ms += round(off_s * 1000)
        self.boots += 1
        self.boot = f"boot-{self.boots}"
        self._booted_true_ms = self.true_ms
        self.synchronised = False
        self.error_ms = round(error_s * 1000)

    def synchronise(self) -> None:
        """Set the clock right and say so."""
        self.error_ms = 0
        self.synchronised = True

    def step(self, seconds: float) -> None:
        """Set the clock by hand: the kernel forgets that it was synchronised."""
        self.error_ms += round(seconds * 1000)
        self.synchronised = False

    def boot_ms(self) -> int:
        return self.true_ms - self._booted_true_ms

    def look(self) -> Look:
        return Look(self.boot_ms(), self.true_ms + self.error_ms, self._oscillator_ms, self.synchronised)
