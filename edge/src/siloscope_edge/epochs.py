"""Epochs in the spool: each start of the agent numbers its packs from 1, and the packs keep the pair for ever."""

from collections.abc import Sequence

from msgspec import Struct, field

from siloscope_contract.births import EpochSpan
from siloscope_contract.packs import Epoch
from siloscope_edge.spans import Spans
from siloscope_edge.watermark import Verdict

SEQ_BITS = 40


class EpochState(Struct):
    """One epoch as the spool holds it.

    Packs leave from the low end only, so what is spooled is always [lowest, next).

    Attributes:
        ordinal: Place among this spool's epochs, in the order of opening.
        lowest: Least spooled seq; ``next`` when none is.
        next: The next seq to be assigned; one behind the last of a closed epoch.
        accounted: What the confirmed generation holds, by seq.
    """

    ordinal: int
    epoch: Epoch
    lowest: int = 1
    next: int = 1
    accounted: Spans = field(default_factory=Spans)

    @property
    def base(self) -> int:
        """The number that seq 0 would have."""
        return first_number(self.ordinal)

    @property
    def below(self) -> int:
        """Every seq below it is accounted for."""
        return next((end for first, end in self.accounted.ranges() if first <= 1), 1)

    @property
    def owed(self) -> Spans:
        """Numbers of the packs that are spooled and not accounted for."""
        return Spans([(self.lowest, self.next)]).without(self.accounted).shifted(self.base)

    @property
    def span(self) -> EpochSpan:
        """What births and heartbeats say, but for the times."""
        return EpochSpan(self.epoch, self.lowest, self.next)


def contradicted(epochs: Sequence[EpochState], verdict: Verdict) -> bool:
    """Say whether a believed mark lacks what its generation said before to hold."""
    return any(
        bool(each.accounted.within(1, verdict.mentioned[each.epoch]).without(verdict.accounted[each.epoch]))
        or verdict.mentioned[each.epoch] < min(each.below, each.next)
        for each in epochs
        if each.epoch in verdict.accounted
    )


def first_number(ordinal: int) -> int:
    """Return the number that seq 0 of an epoch would have; the epoch ends before that of the next ordinal."""
    return ordinal << SEQ_BITS


def ordinal_of(number: int) -> int:
    """Return the ordinal of the epoch that a number belongs to."""
    return number >> SEQ_BITS


def seq_of(number: int) -> int:
    """Return the seq of a number.

    >>> seq_of((3 << SEQ_BITS) + 7)
    7
    """
    return number & (1 << SEQ_BITS) - 1
