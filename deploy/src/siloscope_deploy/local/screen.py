"""What the person at the terminal sees: a line for each step, with the time since the start."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from siloscope_process.clock import Clock


class Screen:
    """Progress lines on stdout.

    Args:
        clock: Time.
        stream: Where they go; stdout unless told.
    """

    def __init__(self, clock: Clock, stream: TextIO | None = None) -> None:
        self._clock = clock
        self._stream = stream or sys.stdout
        self._started_s = clock.monotonic_s()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic_s() - self._started_s

    def tell(self, text: str) -> None:
        """Show a line."""
        self._write(f"[{self.elapsed_s:6.1f} s] {text}")

    def show(self, text: str) -> None:
        """Show a text without the time."""
        self._write(text)

    @contextmanager
    def step(self, name: str, done: str = "ready") -> Iterator[None]:
        """Show that a step is done, and how long it took; nothing where it failed."""
        started_s = self._clock.monotonic_s()
        yield
        self.tell(f"{name:<24} {done} after {self._clock.monotonic_s() - started_s:.1f} s")

    def _write(self, text: str) -> None:
        try:
            print(text, file=self._stream, flush=True)
        except BrokenPipeError:
            self._stream = open("/dev/null", "w")  # noqa: SIM115 - whoever read us is gone; we go on for the rest of our life
