"""Gap records: what is known to be absent, travelling in the same numbered stream as the samples."""

from enum import StrEnum
from typing import Any

import msgspec

from siloscope_contract.errors import MalformedPack

MARK = "gaps"
"""The text value of the record that carries gap records, so that the pack stays valid SenML."""


class GapKind(StrEnum):
    """Why samples are absent."""

    EVICTED = "evicted"
    THINNED = "thinned"
    BUS_ERROR = "bus_error"
    AGENT_OFF = "agent_off"


class Gap(msgspec.Struct, frozen=True, omit_defaults=True):
    """Samples that are not there, and why.

    Attributes:
        kind: Why.
        from_ms: First absent instant, milliseconds since 1970 UTC.
        to_ms: Last absent instant.
        epoch: Epoch of the numbers that will never come, for evicted and thinned packs.
        first_seq: First number that will never come.
        last_seq: Last number that will never come, included.
        device: The device, where only one is concerned.
        count: How many samples, where known.
        detail: One sentence for people.
    """

    kind: GapKind
    from_ms: int
    to_ms: int
    epoch: str | None = None
    first_seq: int | None = None
    last_seq: int | None = None
    device: str | None = None
    count: int | None = None
    detail: str = ""


def to_wire(found: list[Gap]) -> list[dict[str, Any]]:
    """Return gap records as plain data."""
    plain: list[dict[str, Any]] = msgspec.to_builtins(found)
    return plain


def from_wire(rows: list[dict[str, Any]], place: str) -> list[Gap]:
    """Read gap records.

    Raises:
        MalformedPack: One of them is not what it should be.
    """
    try:
        found = msgspec.convert(rows, list[Gap])
    except msgspec.ValidationError as error:
        raise MalformedPack("malformed_gap", place=place, found=rows, expected=str(error)) from error
    for gap in found:
        if (gap.first_seq is None) != (gap.last_seq is None) or (gap.first_seq is not None and gap.epoch is None):
            raise MalformedPack(
                "malformed_gap", place=place, found=rows, expected="epoch, first_seq and last_seq, or none"
            )
        if gap.first_seq is not None and gap.last_seq is not None and not 1 <= gap.first_seq <= gap.last_seq:
            raise MalformedPack("malformed_gap", place=place, found=rows, expected="1 <= first_seq <= last_seq")
    return found
