"""A channel as every route shows it, with its newest reading."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

QualityGrade = Literal["good", "uncertain", "bad"]
State = Literal["live", "stale", "bad", "never"]


class Latest(BaseModel):
    """The newest reading by its own time, never by when it arrived."""

    time: datetime
    value: float | None = Field(description="In the channel's unit; null where the read failed")
    quality: QualityGrade
    reason: str = Field(description="Why the quality is what it is", examples=["good", "comm_failure"])
    age_s: float = Field(description="Seconds from `time` to this answer")
    state: State = Field(description="bad, else stale when older than max(3 intervals, 120 s), else live")


class ChannelDevice(BaseModel):
    """The instrument that a channel belongs to."""

    id: int
    slug: str
    title: str | None


class ChannelNode(BaseModel):
    """The node behind which the instrument stands."""

    id: int
    slug: str


class ChannelSite(BaseModel):
    """The site where it stands."""

    id: int
    slug: str
    name: str
    time_zone: str


class Spot(BaseModel):
    """Where the channel is placed now."""

    id: int
    slug: str
    title: str
    kind: str
    cable: int | None
    level: int | None
    spot: str | None


class Channel(BaseModel):
    """One measured quantity of one instrument."""

    id: int
    key: str
    title: str | None
    quantity: str = Field(examples=["temperature"])
    unit: str = Field(description="SenML unit", examples=["Cel"])
    device: ChannelDevice
    node: ChannelNode
    site: ChannelSite
    place: Spot | None
    interval_s: float | None = Field(description="Seconds between readings, where the instrument says so")
    retention_class: str
    resolution: float | None
    latest: Latest | None = Field(description="null = it never reported")
    clock_ahead_s: float | None = Field(
        description="Its node's clock is so far ahead that new readings are stored, but never the newest; else null"
    )
