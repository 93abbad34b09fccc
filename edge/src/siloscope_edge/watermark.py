"""Judging watermarks: what of the spool the database holds, and whose word on that counts. No I/O.

A mark is believed only from a store's generation that answered this agent's own birth. Believed marks only grow; a new
generation (a database restored, promoted or recreated) starts from nothing, so that its packs are offered again.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from siloscope_contract.watermarks import EpochMark, Watermark
from siloscope_edge.spans import Spans


class Generation(Struct, frozen=True):
    """A database, and which life of it."""

    store: str
    generation: str


class Reason(StrEnum):
    """Why a watermark is believed or not."""

    CONFIRMED = "confirmed"  # a generation, seen for the first time here, that answered our birth
    ADVANCED = "advanced"  # the generation that is believed already
    UNANSWERED = "unanswered"  # another generation, which has not seen our birth: announce again, trim nothing
    SUPERSEDED = "superseded"  # a generation that another has replaced meanwhile


class Verdict(Struct, frozen=True):
    """What follows from a watermark.

    Attributes:
        reason: Why.
        accounted: Per epoch known here, the numbers that the database holds by this mark.
        mentioned: Per epoch known here, the end of what the mark speaks about.
        above_assigned: Epochs whose mark names numbers that this spool never assigned.
    """

    reason: Reason
    accounted: dict[str, Spans] = {}
    mentioned: dict[str, int] = {}
    above_assigned: tuple[str, ...] = ()

    @property
    def believed(self) -> bool:
        """Whether the marks may be used."""
        return self.reason in (Reason.CONFIRMED, Reason.ADVANCED)


class Judge:
    """Decides on watermarks in the order in which they arrive.

    Args:
        session: This agent's session, as its birth names it.
        current: Epoch that numbers are being assigned in.
    """

    def __init__(self, session: str, current: str) -> None:
        self._session = session
        self._current = current
        self._superseded: set[Generation] = set()
        self.believed: Generation | None = None

    def judge(self, watermark: Watermark, assigned: Mapping[str, int]) -> Verdict:
        """Return what follows from a watermark.

        Args:
            watermark: As it arrived.
            assigned: Per epoch in the spool, the next number.
        """
        generation = Generation(watermark.store, watermark.generation)
        reason = self._reason(generation, watermark.answered)
        if reason not in (Reason.CONFIRMED, Reason.ADVANCED):
            return Verdict(reason)
        accounted: dict[str, Spans] = {}
        mentioned: dict[str, int] = {}
        above = []
        for epoch, mark in watermark.epochs.items():
            following = assigned.get(epoch)
            if following is None:
                continue  # an epoch that left this spool long ago
            if max(mark.known_to, mark.below) > following:
                above.append(epoch)
                if epoch == self._current:
                    continue
            # A closed epoch can be further in the database than here: this card is an older copy. What it holds of
            # that epoch was written before the copy was made, so the mark is true of it.
            accounted[epoch] = _accounted(mark).within(1, following)
            mentioned[epoch] = min(mark.known_to, following)
        return Verdict(reason, accounted, mentioned, tuple(above))

    def renew(self, session: str) -> None:
        """Ask anew, under another session: the generation that answers that one is alive, whatever came before."""
        self._session = session
        self._superseded.clear()

    def _reason(self, generation: Generation, answered: list[str]) -> Reason:
        if generation == self.believed:
            return Reason.ADVANCED
        if generation in self._superseded:
            return Reason.SUPERSEDED
        if self._session not in answered:
            return Reason.UNANSWERED
        if self.believed is not None:
            self._superseded.add(self.believed)
        self.believed = generation
        return Reason.CONFIRMED


def _accounted(mark: EpochMark) -> Spans:
    spans = Spans([(1, max(mark.below, mark.known_to))])
    for first, last in mark.gaps:
        spans.remove(first, last + 1)
    return spans
