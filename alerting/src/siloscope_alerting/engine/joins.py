"""Kleene's three values in columns: unknown only where what is known does not decide.

In between, a value is a number by which minimum is *and*, and maximum is *or*: false 0, unknown 1, true 2.
"""

import numpy as np
from numpy.typing import NDArray

from siloscope_alerting.columns import Flags

Truths = NDArray[np.int8]
Indices = NDArray[np.intp]

_RANKS = np.array([0, 2, 1], np.int8)  # of FALSE (0), TRUE (1) and UNKNOWN (-1, the last)
_VALUES = np.array([0, -1, 1], np.int8)


def truths(holds: Flags, known: Flags) -> Truths:
    """Return what holds where it is known, else unknown."""
    return np.where(known, holds, -1).astype(np.int8)


def every(parts: list[Truths]) -> Truths:
    """Return *and*."""
    return _VALUES[np.minimum.reduce([_RANKS[each] for each in parts])]


def either(parts: list[Truths]) -> Truths:
    """Return *or*."""
    return _VALUES[np.maximum.reduce([_RANKS[each] for each in parts])]


def negated(part: Truths) -> Truths:
    """Return *not*."""
    return np.where(part == -1, -1, 1 - part).astype(np.int8)


def one_holds(breached: Truths, harmless: Flags, starts: Indices) -> Truths:
    """Return for each subject whether one of its channels breached.

    A channel that says nothing counts for nothing where it was harmless when it last said something, and another
    channel of the subject says something now.

    Args:
        breached: Of each channel, ordered by subject.
        harmless: It did not breach, and was cleared, when it was known last.
        starts: Where each subject begins.
    """
    known = breached != -1
    ranks = _RANKS[np.where(~known & harmless, 0, breached).astype(np.int8)]
    joined = _VALUES[np.maximum.reduceat(ranks, starts)]
    return np.where(np.logical_or.reduceat(known, starts), joined, -1).astype(np.int8)


def all_clear(cleared: Truths, harmless: Flags, starts: Indices) -> Truths:
    """Return for each subject whether all its channels are on the good side; `one_holds` says what of mute ones."""
    known = cleared != -1
    ranks = _RANKS[np.where(~known & harmless, 1, cleared).astype(np.int8)]
    joined = _VALUES[np.minimum.reduceat(ranks, starts)]
    return np.where(np.logical_or.reduceat(known, starts), joined, -1).astype(np.int8)
