"""Everything the edge raises.

* EdgeError
  - Misconfigured      a configuration or profile file is wrong: place, found, expected; exit code 78
  - PortUnavailable    a serial port or TCP host cannot be opened now: readings are bad, try again later
  - ReadFailed         one request to a device failed; carries the quality that its readings get
  - LinkLost           the connection to the broker broke or could not be made: connect again, what is owed is resent
  - SpoolUnusable      the spool's file cannot be read: set it aside and go on with a new one
  - SpoolFull          the disk takes no more: keep what is pending, make room, try again
"""

from pathlib import Path

from siloscope_contract.quality import Quality


class EdgeError(Exception):
    """Something at the edge went wrong."""


class Misconfigured(EdgeError):
    """A file says something that cannot be meant.

    Args:
        file: The file.
        line: Its line, counted from 1, where known.
        place: What stands there, e.g. ``buses[0].devices[2].profile``.
        found: What was found.
        expected: What would have been right.
    """

    def __init__(self, file: Path | str, line: int | None, place: str, found: object, expected: str) -> None:
        self.file = str(file)
        self.line = line
        self.place = place
        self.found = found
        self.expected = expected
        where = f"{file}:{line}" if line else str(file)
        super().__init__(f"{where}: {place}: found {found!r}, expected {expected}")


class PortUnavailable(EdgeError):
    """A port cannot be opened, or vanished."""


class ReadFailed(EdgeError):
    """A request got no usable answer.

    Attributes:
        quality: What the readings that it should have brought are.
        answered: Whether the device said anything at all: an exception or a torn frame is a sign of life.
    """

    def __init__(self, quality: Quality, detail: str, *, answered: bool) -> None:
        super().__init__(detail)
        self.quality = quality
        self.answered = answered


class LinkLost(EdgeError):
    """There is no connection to the broker."""


class SpoolUnusable(EdgeError):
    """The spool's file is damaged or not ours."""


class SpoolFull(EdgeError):
    """The disk, or the file's bound, takes no more."""
