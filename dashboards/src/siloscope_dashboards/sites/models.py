"""What the sites routes give."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class WrongClock(BaseModel):
    """What is wrong with a node's clock."""

    kind: Literal["ahead", "step_back", "step_forward", "drift"] = Field(
        description="ahead = it is so now; else it did so within a week, and did not come back since"
    )
    offset_s: float = Field(description="Sample time minus arrival: above 0 the clock is ahead")
    since: datetime


class SiteNode(BaseModel):
    """An edge agent, or a device that publishes by itself."""

    id: int
    slug: str
    state: str | None = Field(description="What it said of itself last: online or offline; a hint")
    last_seen_at: datetime | None = Field(description="When its newest pack or heartbeat came")
    age_s: float | None
    clock: WrongClock | None = Field(description="null = nothing wrong is known of its clock")


class Site(BaseModel):
    """A farm, an elevator, a market hall or a shop."""

    id: int
    slug: str
    name: str
    time_zone: str = Field(description="IANA name; a day is a local date there", examples=["America/Chicago"])
    latitude: float | None
    longitude: float | None
    places: int = Field(description="How many places it has")
    channels: int = Field(
        description="How many channels; reporting + stale + bad + those that never reported, if only placed"
    )
    reporting: int = Field(description="Channels whose newest reading is recent and not bad")
    stale: int = Field(description="Channels whose newest reading is too old")
    bad: int = Field(description="Channels whose newest reading is bad")
    nodes: list[SiteNode]
