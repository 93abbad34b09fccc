"""What a condition is judged by, and what it answers."""

from dataclasses import dataclass

import numpy as np

from siloscope_alerting.columns import Flags, Float, Int32, Int64, Judgement
from siloscope_alerting.engine.joins import Truths, truths
from siloscope_alerting.engine.table import Table
from siloscope_alerting.engine.view import View
from siloscope_alerting.engine.windows import Within


@dataclass(frozen=True)
class Look:
    """Some rows of a condition at one instant.

    Attributes:
        rows: Which; a condition that compares rows gets all that belong together.
        value: What is read of each; NaN where nothing counts.
        within: Its window, where it has one.
    """

    table: Table
    view: View
    rows: Int32
    value: Float
    judgement: Judgement
    within: Within | None = None

    @property
    def allowance_ms(self) -> Int64:
        """Delivery allowances of the rows."""
        return self.table.allowance_ms[self.rows]

    def window(self) -> Within:
        """Return the window of a condition that has one."""
        if self.within is None:
            raise TypeError("a condition without a window asks for it")
        return self.within


@dataclass(frozen=True)
class Judged:
    """An answer for each row.

    Attributes:
        breached: At the condition's levels.
        cleared: The opposite at its clear levels.
        figure: What was compared with the level.
    """

    breached: Truths
    cleared: Truths
    figure: Float

    @classmethod
    def of(cls, breached: Flags, cleared: Flags, figure: Float, known: Flags | None = None) -> "Judged":
        """Return an answer that is unknown where the figure is NaN, or where it is said to be."""
        known = ~np.isnan(figure) if known is None else known
        return cls(truths(breached, known), truths(cleared, known), figure)

    def without(self, mute: Flags) -> "Judged":
        """Return the same, unknown where rows no longer count."""
        return Judged(
            np.where(mute, -1, self.breached).astype(np.int8),
            np.where(mute, -1, self.cleared).astype(np.int8),
            self.figure,
        )


def above(figure: Float, level: float, clear: float | None) -> Judged:
    """Judge a figure that is breached above a level, and cleared at its clear level."""
    with np.errstate(invalid="ignore"):
        return Judged.of(figure > level, figure <= (level if clear is None else clear), figure)
