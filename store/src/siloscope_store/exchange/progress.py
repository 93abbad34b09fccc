"""A progress bar on a terminal; nothing where nobody looks."""

from typing import TextIO

from siloscope_process.clock import Clock

_WIDTH = 28
_EVERY_S = 0.1


class Bar:
    """Shows how far something is, on one line that is drawn anew.

    Args:
        total: What `done` counts up to; 0 = unknown.
        unit: What `count` counts, in words.
        stream: Where; only a terminal is drawn on.
        clock: For the rate, and to draw not too often.
    """

    def __init__(self, total: int, unit: str, stream: TextIO, clock: Clock) -> None:
        self._total = total
        self._unit = unit
        self._stream = stream
        self._clock = clock
        self._shown = stream.isatty()
        self._began_s = self._drawn_s = clock.monotonic_s()
        self._first: int | None = None

    def update(self, done: int, count: int) -> None:
        """Say how far it is, and how many units that were."""
        now_s = self._clock.monotonic_s()
        if self._first is None:
            self._first = count
        if self._shown and now_s - self._drawn_s >= _EVERY_S:
            self._drawn_s = now_s
            self._draw(done, count, now_s - self._began_s)

    def close(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _draw(self, done: int, count: int, elapsed_s: float) -> None:
        rate = (count - (self._first or 0)) / max(elapsed_s, 1e-6)
        share = min(1.0, done / self._total) if self._total else 0.0
        filled = round(share * _WIDTH)
        left = "" if not 0 < share < 1 else f", {elapsed_s * (1 - share) / share:,.0f} s left"
        bar = "█" * filled + "·" * (_WIDTH - filled)
        self._stream.write(f"\r\x1b[K{bar} {share:4.0%}  {count:,} {self._unit}, {rate:,.0f}/s{left}")
        self._stream.flush()
