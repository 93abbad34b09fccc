"""Watermarks: what the store has committed of a node's packs, published retained on the node's ``committed`` topic."""

import msgspec

from siloscope_contract.errors import MalformedMessage
from siloscope_contract.packs import Epoch

MAX_GAPS = 64
MAX_ANSWERED = 8


class EpochMark(msgspec.Struct, frozen=True):
    """How far one epoch is accounted for.

    Attributes:
        below: Every number below it is accounted for: stored, quarantined, refused or declared evicted.
        known_to: Nothing is said about numbers from here on.
        gaps: Inclusive spans in [below, known_to) that are not accounted for, lowest first, at most ``MAX_GAPS``;
            all other numbers in there are.
    """

    below: int
    known_to: int
    gaps: list[tuple[int, int]] = []

    def accounts_for(self, seq: int) -> bool:
        """Say whether ``seq`` is accounted for."""
        if seq < self.below:
            return True
        return seq < self.known_to and not any(first <= seq <= last for first, last in self.gaps)


class Watermark(msgspec.Struct, frozen=True):
    """The committed state of one node.

    Attributes:
        store: Id of the database, for its whole life.
        generation: Changes when the database is restored, promoted or recreated: what it had committed may be gone.
        answered: Sessions whose birth this generation has seen, newest last, at most ``MAX_ANSWERED``.
        epochs: Per epoch, how far it is accounted for.
    """

    store: str
    generation: str
    answered: list[str] = []
    epochs: dict[Epoch, EpochMark] = {}


def mark(ranges: list[tuple[int, int]]) -> EpochMark:
    """Return the mark of an epoch from its accounted ranges.

    Args:
        ranges: Half-open [first, end) spans of accounted numbers, ascending and apart from each other.

    >>> mark([(1, 5), (7, 9)])
    EpochMark(below=5, known_to=9, gaps=[(5, 6)])
    """
    below = ranges[0][1] if ranges and ranges[0][0] <= 1 else 1
    gaps: list[tuple[int, int]] = []
    known_to = below
    for first, end in ranges:
        if first > known_to:
            if len(gaps) == MAX_GAPS:
                break
            gaps.append((known_to, first - 1))
        known_to = max(known_to, end)
    return EpochMark(below, known_to, gaps)


def encode(watermark: Watermark) -> bytes:
    """Return the watermark as JSON."""
    return msgspec.json.encode(watermark)


def decode(payload: bytes) -> Watermark:
    """Read a watermark.

    Raises:
        MalformedMessage: It is none.
    """
    try:
        return msgspec.json.decode(payload, type=Watermark)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MalformedMessage("malformed", place="watermark", found=payload[:60], expected=str(error)) from error
