"""Quality: how far a reading can be trusted, and why.

A code below 100 is good, 1xx uncertain, 2xx bad. A bad reading has no value: a failed read is never 0 and never an old
value. The grades are those of OPC UA (good, uncertain, bad); the reasons are ours.
"""

from enum import IntEnum, StrEnum
from types import MappingProxyType


class Grade(StrEnum):
    """The three grades of OPC UA status codes."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"


class Quality(IntEnum):
    """A grade and its reason as one number; fits an int2. Codes are stored: never renumber one."""

    GOOD = 0
    UNCERTAIN = 100
    CLOCK_UNSYNCED = 101
    STUCK = 102
    STEP = 103
    DRIFT = 104
    BAD = 200
    COMM_FAILURE = 201
    SENSOR_MISSING = 202
    OUT_OF_RANGE = 203
    DEVICE_EXCEPTION = 204
    NOT_A_NUMBER = 205
    INVALID_FRAME = 206
    NOT_PLAUSIBLE = 207

    @property
    def reason(self) -> str:
        """The reason as a slug: ``comm_failure``."""
        return self.name.lower()

    @property
    def grade(self) -> Grade:
        """The grade that the code's hundred says."""
        return grade(self)

    @classmethod
    def from_reason(cls, reason: str) -> "Quality":
        """Return the quality with this reason.

        Raises:
            KeyError: No quality has it.
        """
        return BY_REASON[reason]


FIRST_UNCERTAIN = 100
FIRST_BAD = 200
BY_REASON = MappingProxyType({quality.reason: quality for quality in Quality})
CODES = frozenset(int(quality) for quality in Quality)


def grade(code: int) -> Grade:
    """Return the grade of a code, also of one that a newer version wrote."""
    if code < FIRST_UNCERTAIN:
        return Grade.GOOD
    return Grade.UNCERTAIN if code < FIRST_BAD else Grade.BAD
