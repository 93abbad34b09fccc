"""Instants before the clock is known: milliseconds since the machine booted, told from wall-clock times by their size.

SenML draws the same line: what is below 2^28 s is no date. An instant of this kind means nothing on another boot, so it
stays with the boot that it counts from, and gets its date once, by a stamp.
"""

from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from siloscope_contract.gaps import Gap
from siloscope_contract.packs import Sample
from siloscope_contract.quality import Quality
from siloscope_contract.resolution import RELATIVE_BELOW_S

SINCE_BOOT_BELOW_MS = int(RELATIVE_BELOW_S * 1000)
EARLIEST_MS = 1_704_067_200_000
"""2024-01-01: this program is younger, so a clock before it was never set."""


class Stamp(NamedTuple):
    """What gives instants since a boot their dates.

    Attributes:
        base_ms: The wall clock at the boot's instant 0.
        known: Whether a synchronised clock said so; else what it dates is marked ``clock_unsynced``.
    """

    base_ms: int
    known: bool


class BootBase(Struct, frozen=True):
    """What is remembered of a boot's clock, for the agent's next start.

    Attributes:
        boot: The boot's id.
        stamp: Its base, as well as it is known.
        at_boot_ms: When that was, since the boot.
        final: Whether it dates what was read, or is only the best guess so far.
    """

    boot: str
    stamp: Stamp
    at_boot_ms: int
    final: bool


def is_since_boot(instant_ms: int) -> bool:
    """Whether the instant counts from a boot.

    >>> is_since_boot(86_400_000), is_since_boot(EARLIEST_MS)
    (True, False)
    """
    return instant_ms < SINCE_BOOT_BELOW_MS


def dated(instant_ms: int, stamp: Stamp) -> int:
    """Return an instant as a date; one that has a date keeps it.

    >>> dated(5_000, Stamp(EARLIEST_MS, known=True)) - EARLIEST_MS
    5000
    """
    return stamp.base_ms + instant_ms if is_since_boot(instant_ms) else instant_ms


def dated_sample(sample: Sample, stamp: Stamp) -> Sample:
    """Return a sample with its date; by a stamp that is not known, its good readings become uncertain."""
    if not is_since_boot(sample.time_ms):
        return sample
    quality = sample.quality if stamp.known else [code or int(Quality.CLOCK_UNSYNCED) for code in sample.quality]
    time_ms = stamp.base_ms + sample.time_ms
    return Sample(sample.device, time_ms, sample.names, sample.units, sample.values, quality)


def dated_gap(gap: Gap, stamp: Stamp) -> Gap:
    """Return a gap record with its dates: each end for itself, since one can be of an earlier boot."""
    from_ms, to_ms = dated(gap.from_ms, stamp), dated(gap.to_ms, stamp)
    if from_ms == gap.from_ms and to_ms == gap.to_ms:
        return gap
    return replace(gap, from_ms=from_ms, to_ms=max(from_ms, to_ms))
