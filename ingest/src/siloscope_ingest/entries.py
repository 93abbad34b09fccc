"""Entries: messages that are decoded and resolved, so that a batch can take them without asking anybody."""

from collections.abc import Sequence

import msgspec

from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.shapes import Part
from siloscope_store.ledger import GapRecord, RefusedNumber
from siloscope_store.quarantine import Quarantined, Withheld
from siloscope_store.ranges import Range
from siloscope_store.relative_messages import Message
from siloscope_store.samples import Undated

Row = tuple[Part, int, bytes]
"""A sample's part, its time in milliseconds, and its row as it goes to the database."""


class Entry(msgspec.Struct, eq=False):
    """What one message makes the database hold.

    Attributes:
        delivery: The message.
        is_exception: It has undated samples, gaps, or a refusal.
        completes: Nothing of the message follows in a later batch: it can be acknowledged with this entry.
        stream: Node and epoch that `seq` counts in; None for a plain device.
        seq: The pack's number; None for a plain device.
        node_id: Whose it is; None where that could not be found out.
        org_id: Whose that is.
        readings: How many readings it carries.
        ahead_ms: How far its samples are ahead of its arrival, where that is more than is natural; else 0.
        rows: Its samples.
        relative: Node and hash of a message without times of its own, to be known again when it is redelivered.
        undated: Samples whose time cannot be believed.
        gaps: What it declares absent.
        evicted: Numbers that it declares will never come: (epoch, range).
        quarantined: The message itself, once for each reason, where it was not taken as it came.
        refused: Its number, where all of it was refused.
        withheld: Set instead of `quarantined` where its sender has filled its share of the minute.
    """

    delivery: Delivery
    node_id: int | None = None
    org_id: int | None = None
    stream: tuple[int, str] | None = None
    seq: int | None = None
    rows: list[Row] = []
    completes: bool = True
    is_exception: bool = False
    readings: int = 0
    ahead_ms: int = 0
    relative: Message | None = None
    undated: Sequence[Undated] = ()
    gaps: Sequence[GapRecord] = ()
    evicted: Sequence[tuple[str, Range]] = ()
    quarantined: Sequence[Quarantined] = ()
    refused: RefusedNumber | None = None
    withheld: Withheld | None = None

    def split(self, at: int) -> tuple["Entry", "Entry"]:
        """Return the rows before `at`, which account for nothing and acknowledge nothing, and all the rest."""
        head = Entry(self.delivery, self.node_id, self.org_id, self.stream, self.seq)
        head.completes = False
        head.rows = self.rows[:at]
        self.rows = self.rows[at:]
        return head, self
