"""What is known of each channel now: its newest reading that came in time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from siloscope_alerting.columns import Flags, Float, Int32, Int64
from siloscope_contract.quality import FIRST_BAD

NEVER = -(2**62)


@dataclass
class View:
    """Columns over the catalogue.

    Attributes:
        time_ms: Of the newest reading that came in time; NEVER before the first.
        value: Its value; NaN where it is bad.
        quality: Its quality.
        heard_ms: Time of the newest reading, late or not.
        absent: What it says no longer counts: it should have been followed by another.
    """

    time_ms: Int64
    value: Float
    quality: NDArray[np.int16]
    heard_ms: Int64
    absent: Flags

    @classmethod
    def empty(cls, size: int) -> "View":
        """Return the view of channels of which nothing came."""
        return cls(
            np.full(size, NEVER, np.int64),
            np.full(size, np.nan),
            np.zeros(size, np.int16),
            np.full(size, NEVER, np.int64),
            np.zeros(size, np.bool_),
        )

    def take(self, rows: Int32, time_ms: Int64, value: Float, quality: NDArray[np.int16]) -> None:
        """Take one reading of each of these rows."""
        self.time_ms[rows] = time_ms
        self.value[rows] = np.where(quality >= FIRST_BAD, np.nan, value)
        self.quality[rows] = quality
        self.heard_ms[rows] = np.maximum(self.heard_ms[rows], time_ms)
        self.absent[rows] = False

    def current(self, rows: Int32) -> Float:
        """Return the values that count now; NaN where none does."""
        return np.where(self.absent[rows], np.nan, self.value[rows])
