"""Everything the edge raises.

* EdgeError
  - Misconfigured      a configuration or profile file is wrong: place, found, expected; exit code 78
  - PortUnavailable    a serial port or TCP host cannot be opened now: readings are bad, try again later
  - ReadFailed         one request to a device failed; carries the quality that its readings get
  - LinkLost           the connection to the broker broke or could not be made: connect again, what is owed is resent
  - SpoolUnusable      the spool's file cannot be read: set it aside and go on with a new one
  - SpoolFull          the disk takes no more: keep what is pending, make room, try again
"""

from siloscope_contract.quality import Quality
from siloscope_process.documents import Fault


class EdgeError(Exception):
    """Something at the edge went wrong."""


class Misconfigured(EdgeError):
    """A file says something that cannot be meant; the fault has file, line, place, what was found and expected."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


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
