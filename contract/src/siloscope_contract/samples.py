"""What a pack holds once it is read: samples in canonical units, and what was refused of it."""

from typing import NewType

import msgspec

from siloscope_contract.gaps import Gap

Epoch = NewType("Epoch", str)
"""One start of an agent: 128 random bits as 32 lower-case hexadecimal digits."""


class Sample(msgspec.Struct, gc=False):
    """All channels of one device at one instant, in wire order; the four lists are of one length.

    Attributes:
        device: The device's slug.
        time_ms: Milliseconds since 1970-01-01 UTC.
        names: Channel keys, each once.
        units: Canonical units; ``None`` for a failed reading, ``""`` for a number without unit.
        values: The value in that unit, or ``None`` for a failed reading.
        quality: Codes of ``Quality``; 200 and above exactly where the value is ``None``.
    """

    device: str
    time_ms: int
    names: tuple[str, ...]
    units: tuple[str | None, ...]
    values: list[float | None]
    quality: list[int]


class Refusal(msgspec.Struct, frozen=True):
    """A reading that was not taken as it came, so its message belongs in quarantine; the others stand."""

    device: str
    name: str
    time_ms: int
    reason: str
    detail: str


class Pack(msgspec.Struct):
    """The samples and gap records of one message.

    Attributes:
        epoch: The start of the agent that numbered it; ``None`` from a plain device.
        seq: Its number in that epoch, from 1; ``None`` from a plain device.
        samples: In wire order.
        relative: Some time in it was relative to its arrival.
        refusals: Readings that were not taken as they came.
        gaps: What is known to be absent.
    """

    epoch: Epoch | None
    seq: int | None
    samples: list[Sample]
    relative: bool = False
    refusals: list[Refusal] = []
    gaps: list[Gap] = []
