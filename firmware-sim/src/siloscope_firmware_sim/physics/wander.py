"""Noise that is a function of time: the same seed, name and instant always give the same value."""

from math import floor

_MASK = (1 << 64) - 1


def hashed(seed: int, name: str, index: int) -> float:
    """Return an even draw from [0, 1) for the ``index``-th instant of a named noise.

    Source: the finalizer of splitmix64 (Steele, Lea and Flood 2014) over an FNV-1a hash of seed and name.
    """
    state = 0xCBF29CE484222325
    for byte in f"{seed}/{name}".encode():
        state = (state ^ byte) * 0x100000001B3 & _MASK
    state = (state + index * 0x9E3779B97F4A7C15) & _MASK
    state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    state = (state ^ state >> 27) * 0x94D049BB133111EB & _MASK
    return (state ^ state >> 31) / 2**64


def wander(seed: int, name: str, time_s: float, period_s: float) -> float:
    """Return a smooth noise in [-1, 1] that takes a new direction every ``period_s``."""
    at = time_s / period_s
    index = floor(at)
    share = at - index
    eased = share * share * (3 - 2 * share)
    before, after = hashed(seed, name, index), hashed(seed, name, index + 1)
    return 2 * (before + eased * (after - before)) - 1
