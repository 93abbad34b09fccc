"""Everything the edge raises.

* EdgeError
  - Misconfigured      a configuration or profile file is wrong: place, found, expected; exit code 78
  - DriverUnusable     a driver that a file names cannot be loaded: exit code 78
  - PortUnavailable    a serial port or TCP host cannot be opened now: readings are bad, try again later
  - ReadFailed         one request to a device failed; carries the quality that its readings get
  - ActionFailed       an output could not be switched, or did not say what it does: tried again with back-off
  - LinkLost           the connection to the broker broke or could not be made: connect again, what is owed is resent
  - SpoolUnusable      the spool's file cannot be read: set it aside and go on with a new one
  - SpoolFull          the disk takes no more: keep what is pending, make room, try again
"""

from enum import StrEnum

from siloscope_contract.quality import Quality
from siloscope_process.documents import Fault


class EdgeError(Exception):
    """Something at the edge went wrong."""


class Misconfigured(EdgeError):
    """A file says something that cannot be meant; the fault has file, line, place, what was found and expected."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class DriverUnusable(EdgeError):
    """A driver is installed, but cannot be used.

    Attributes:
        name: The driver.
    """

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"driver {name!r}: {detail}")
        self.name = name


class PortUnavailable(EdgeError):
    """A port cannot be opened, or vanished."""


class Trouble(StrEnum):
    """What went wrong on a line, as it is counted for each device; also what was survived."""

    NO_ANSWER = "no_answer"  # silence until the time-out
    SHORT_FRAME = "short_frame"  # something came, but no whole answer
    WRONG_CHECKSUM = "wrong_checksum"
    NOISE = "noise"  # bytes that belong to no frame, around or instead of one
    UNSOLICITED = "unsolicited"  # a sound frame that nobody asked for, or of another device
    ECHO = "echo"  # the adapter sent our own request back
    EXCEPTION = "exception"  # the device refused
    WRONG_CONTENT = "wrong_content"  # sound, but not what was asked for


class ReadFailed(EdgeError):
    """A request got no usable answer.

    Attributes:
        quality: What the readings that it should have brought are.
        answered: Whether the device said anything at all: an exception or a torn frame is a sign of life.
        trouble: What is counted.
    """

    def __init__(self, quality: Quality, detail: str, *, answered: bool, trouble: Trouble | None = None) -> None:
        super().__init__(detail)
        self.quality = quality
        self.answered = answered
        self.trouble = trouble or _TROUBLES.get(quality, Trouble.WRONG_CONTENT)


_TROUBLES = {Quality.COMM_FAILURE: Trouble.NO_ANSWER, Quality.DEVICE_EXCEPTION: Trouble.EXCEPTION}


class ActionFailed(EdgeError):
    """An output was not switched, or did not say what it does.

    Attributes:
        quality: What its channel is until it works again.
    """

    def __init__(self, quality: Quality, detail: str) -> None:
        super().__init__(detail)
        self.quality = quality


class LinkLost(EdgeError):
    """There is no connection to the broker."""


class SubscriptionRefused(LinkLost):
    """The broker refuses a subscription: it is not allowed, or the broker is not ready for it."""


class SpoolUnusable(EdgeError):
    """The spool's file is damaged or not ours."""


class SpoolFull(EdgeError):
    """The disk, or the file's bound, takes no more."""
