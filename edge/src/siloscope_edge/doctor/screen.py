"""The progress bar: a line that is drawn over and over on a terminal; elsewhere nothing but what is said once."""

import shutil
import textwrap
from typing import TextIO

from siloscope_edge.doctor.session import Progress
from siloscope_edge.doctor.telling import WIDTH, bar

_EVERY_S = 0.1
_ERASE = "\r\x1b[K"


class Screen:
    """Where progress is shown.

    Args:
        out: The stream; a bar is drawn where it is a terminal.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._draws = out.isatty()
        self._drawn_s = -1.0

    def say(self, text: str) -> None:
        """Write lines that stay."""
        self._out.writelines(f"{line}\n" for each in text.splitlines() for line in textwrap.wrap(each, WIDTH))
        self._out.flush()

    def show(self, step: Progress) -> None:
        """Draw the bar, not more often than an eye sees."""
        if not self._draws or 0 <= step.spent_s - self._drawn_s < _EVERY_S:
            return
        self._drawn_s = step.spent_s
        width = min(WIDTH, shutil.get_terminal_size((WIDTH + 1, 24)).columns - 1)
        self._out.write(f"\r{bar(step, width)}")
        self._out.flush()

    def clear(self) -> None:
        """Take the bar away."""
        if self._draws and self._drawn_s >= 0:
            self._out.write(_ERASE)
            self._out.flush()
