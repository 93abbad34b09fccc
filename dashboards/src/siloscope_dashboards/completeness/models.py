"""What the completeness routes give."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

Cause = Literal[
    "agent_off",
    "bus_error",
    "evicted",
    "thinned",
    "refused",
    "undated",
    "on_its_way",
    "no_word",
    "unexplained",
]


class PlaceOfGroup(BaseModel):
    """A place where channels of a group are now."""

    id: int
    slug: str
    title: str
    kind: str


class Subject(BaseModel):
    """A group: channels of one device that are read together."""

    group_id: int
    group_key: str
    interval_s: float | None = Field(description="Seconds between samples, where the node says so")
    device_id: int
    device_slug: str
    device_title: str | None
    node_id: int
    node_slug: str
    site_id: int
    site_slug: str
    time_zone: str
    places: list[PlaceOfGroup]


class ChannelOfGroup(BaseModel):
    """A channel of the group."""

    id: int
    key: str
    title: str | None
    quantity: str
    unit: str


class Day(BaseModel):
    """One local date of the site: expected + surplus = stored + the sum of missing."""

    day: date
    expected: int | None = Field(description="Samples; null where nobody said how often they come")
    stored: int
    surplus: int = Field(description="Stored beyond what was expected")
    late: int = Field(description="Of the stored: came later than two intervals and 60 s after their time")
    missing: dict[str, int] = Field(description="Samples by cause; a channel also has not_reported")
    bad: dict[str, int] = Field(description="Failed readings of what is stored, by reason")
    conflicts: int = Field(description="Readings that came again with another value; the first was kept")


class Completeness(BaseModel):
    """A group, or one of its channels, by days; a day of which nothing is known is absent."""

    subject: Subject
    channel: ChannelOfGroup | None = Field(description="null = the group as a whole")
    days: list[Day]


class Gap(BaseModel):
    """Neighbouring samples of one group that are missing for one cause."""

    subject: Subject
    cause: Cause
    from_time: datetime = Field(serialization_alias="from", description="Of the first missing sample")
    to_time: datetime = Field(serialization_alias="to", description="Of the last")
    samples: int
    interval_s: float


class Conflict(BaseModel):
    """A reading that came twice with different values."""

    id: int = Field(validation_alias="conflict_id")
    channel_id: int
    channel_key: str
    channel_title: str | None
    quantity: str
    unit: str
    device_id: int
    device_slug: str
    device_title: str | None
    time: datetime
    kept_value: float | None
    kept_reason: str
    kept_epoch: str | None = Field(description="With kept_seq the pack that brought it; null where that is forgotten")
    kept_seq: int | None
    other_value: float | None
    other_reason: str
    other_epoch: str | None
    other_seq: int | None
    at: datetime = Field(description="When the other came")


class Numbers(BaseModel):
    """How many numbers, and which."""

    count: int
    ranges: list[tuple[int, int]] = Field(description="The newest 200: first and last, included")


class EpochLedger(BaseModel):
    """One start of an agent, by the numbers of its packs."""

    epoch: str
    session: str | None
    alive: bool = Field(description="Whether the node still speaks of it")
    first_seen_at: datetime
    last_seen_at: datetime
    below: int = Field(description="The watermark: every number below it is accounted for")
    next: int | None = Field(description="The number that the node gives next, by its own word")
    oldest: int | None = Field(description="The oldest number in its spool")
    owed_from: datetime | None = Field(description="Of what times the samples are that it still has to send")
    owed_to: datetime | None
    accounted: Numbers = Field(description="Stored, quarantined, refused, or declared lost")
    on_its_way: Numbers = Field(description="In the node's spool and not here yet")
    lost: Numbers = Field(description="Neither here nor in the node's spool, and nobody said why")
    declared_lost: int
    refused: int


class DeclaredGap(BaseModel):
    """What a node said is absent."""

    kind: str
    epoch: str | None
    first_seq: int | None
    last_seq: int | None
    from_time: datetime | None = Field(serialization_alias="from")
    to_time: datetime | None = Field(serialization_alias="to")
    device: str | None
    count: int | None
    detail: str
    at: datetime


class RefusedPack(BaseModel):
    """A pack that was refused."""

    epoch: str
    seq: int
    reason: str
    detail: str
    at: datetime


class TwinReport(BaseModel):
    """Two starts alive at once under one credential: a copied card."""

    at: datetime
    epochs: list[str]


class NodeLedger(BaseModel):
    """All that is known of a node's numbers; lists hold the newest 200."""

    node_id: int
    slug: str
    kind: str
    site_id: int
    session: str | None
    heard_at: datetime | None
    epochs: list[EpochLedger]
    gaps: list[DeclaredGap]
    refused: list[RefusedPack]
    twins: list[TwinReport]
